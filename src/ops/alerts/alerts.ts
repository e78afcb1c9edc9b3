import type { Logger } from '../../base/logger.ts';
import type { Fleet } from '../../sync/report/fleet.ts';
import type { Kind } from './kinds.ts';
import { createLook } from './look.ts';
import { ALERT_DEFAULTS, type AlertOptions } from './options.ts';
import { createTeller, type TellerDeps } from './teller.ts';
import { LostAlertsError } from './turn.ts';
import { createWatch } from './watch.ts';

export interface AlertsDeps extends TellerDeps {
  readonly fleet: Pick<Fleet, 'look'>;
  readonly eventBacklogMax: number;
  readonly logger: Logger;
  readonly options?: AlertOptions;
}

/** Watches the installation, for the page, and tells people where a webhook is configured. */
export interface Alerts {
  /** What is wrong now, in sentences, as the last look had it. */
  problems(): readonly string[];
  /** Ends the look under way, and lets another dashboard take over at once. */
  stop(): Promise<void>;
}

/** What the page says at a glance; the rest it shows in figures. */
const ON_THE_PAGE: ReadonlySet<Kind> = new Set<Kind>([
  'no-worker',
  'nothing-completes',
  'relay-silent',
  'no-catalog',
  'redis',
  'postgres',
]);

export function startAlerts(deps: AlertsDeps): Alerts {
  const { options = ALERT_DEFAULTS, eventBacklogMax, settings, logger } = deps;
  const look = createLook({ ...deps, catalogEveryMs: options.catalogEveryMs });
  const watch = createWatch({ ...options, eventBacklogMax, backlogAgeMs: settings.backlogAgeMs });
  const teller = createTeller(deps, options);
  let problems: readonly string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let running = step();

  async function step(): Promise<void> {
    const startedAt = performance.now();
    try {
      const seen = await look();
      const judged = watch(seen);
      problems = judged.holding
        .filter(({ isRipe, kind }) => isRipe && ON_THE_PAGE.has(kind))
        .map(({ problem }) => problem);
      if (!isStopped) await teller.step(seen, judged);
    } catch (error) {
      if (error instanceof LostAlertsError) logger.info('another dashboard sends alerts by now');
      else logger.error({ err: error }, 'alerts: a look failed; the next one follows');
    }
    if (isStopped) return;
    timer = setTimeout(
      () => {
        running = step();
      },
      Math.max(0, options.everyMs - (performance.now() - startedAt)),
    );
  }

  return {
    problems: () => problems,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
      await teller.release();
    },
  };
}
