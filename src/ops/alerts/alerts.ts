import type { Logger } from '../../base/logger.ts';
import type { Fleet } from '../../sync/report/fleet.ts';
import type { Kind } from './kinds.ts';
import { createLook } from './look.ts';
import { ALERT_DEFAULTS, type AlertOptions } from './options.ts';
import { createTeller, type TellerDeps } from './teller.ts';
import { LostAlertsError } from './turn.ts';
import { createWatch, type Judged } from './watch.ts';

export interface AlertsDeps extends TellerDeps {
  readonly fleet: Pick<Fleet, 'look'>;
  readonly eventBacklogMax: number;
  readonly logger: Logger;
  readonly options?: AlertOptions;
}

/** Watches the installation, for the page, and tells people where a webhook is configured. */
export interface Alerts {
  /** What is wrong now, as the last look had it. */
  problems(): readonly ProblemAtAGlance[];
  /** Ends the look under way, and lets another dashboard take over at once. */
  stop(): Promise<void>;
}

/** What the page says at a glance; the rest it shows in figures. */
const AT_A_GLANCE = [
  'no-worker',
  'nothing-completes',
  'relay-silent',
  'no-catalog',
  'redis',
  'postgres',
] as const satisfies readonly Kind[];

export interface ProblemAtAGlance {
  readonly kind: (typeof AT_A_GLANCE)[number];
  /** A sentence that stands by itself. */
  readonly problem: string;
}

export function startAlerts(deps: AlertsDeps): Alerts {
  const { options = ALERT_DEFAULTS, eventBacklogMax, settings, logger } = deps;
  const look = createLook({ ...deps, catalogEveryMs: options.catalogEveryMs });
  const watch = createWatch({ ...options, eventBacklogMax, backlogAgeMs: settings.backlogAgeMs });
  const teller = createTeller(deps, options);
  let problems: readonly ProblemAtAGlance[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let running = step();

  async function step(): Promise<void> {
    const startedAt = performance.now();
    try {
      const seen = await look();
      const judged = watch(seen);
      problems = atAGlance(judged);
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

function atAGlance({ holding }: Judged): ProblemAtAGlance[] {
  const ripe = holding.filter(({ isRipe }) => isRipe);
  return AT_A_GLANCE.flatMap((kind) =>
    ripe.filter((each) => each.kind === kind).map(({ problem }) => ({ kind, problem })),
  );
}
