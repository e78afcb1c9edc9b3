import { errorMessage } from '../../base/errors.ts';
import { within } from '../../base/shared.ts';
import { VERSION } from '../../base/version.ts';
import { watchDelay } from './event-loop-delay.ts';
import { createInstruments, type Instruments } from './instruments.ts';

/** What a process needs, by name, and whether it is there. */
export type Dependencies = Readonly<Record<string, () => Promise<boolean | string>>>;

/** What `GET /metrics` of a process tells. */
export interface Metrics {
  /** In the text format of Prometheus. Never rejects, and never waits longer than some seconds. */
  readonly text: () => Promise<string>;
  readonly stop: () => void;
}

export interface ProcessMetrics extends Metrics {
  readonly instruments: Instruments;
}

const QUANTILES = { '0.5': 0.5, '0.99': 0.99, '1': 1 };
/** What is away must not keep a scrape waiting. */
export const DEPENDENCY_TIMEOUT_MS = 2_000;

/** What every process tells of itself. Further metrics come into its instruments. */
export function createProcessMetrics(dependencies: Dependencies): ProcessMetrics {
  const instruments = createInstruments();
  const eventLoop = watchDelay(Object.values(QUANTILES));
  instruments.gauge({
    name: 'conexxus_sync_build_info',
    help: '1, with the version of this process.',
    labels: { version: [VERSION] },
  })({ version: VERSION }, 1);
  const up = instruments.gauge({
    name: 'conexxus_sync_up',
    help: 'Whether what this process needs answered it within 2 s, as the scrape asked.',
    labels: { dependency: Object.keys(dependencies) },
  });
  const delay = instruments.gauge({
    name: 'conexxus_sync_event_loop_delay_seconds',
    help: 'How late the event loop came to what was due, of the last one to two minutes; quantile 1: the longest.',
    labels: { quantile: Object.keys(QUANTILES) },
  });
  tellOfNode(instruments);

  async function ask(dependency: string, isUp: Dependencies[string]): Promise<void> {
    const answer = await within(DEPENDENCY_TIMEOUT_MS, isUp().catch(errorMessage), false);
    up({ dependency }, answer === true ? 1 : 0);
  }

  return {
    instruments,
    async text() {
      for (const [quantile, share] of Object.entries(QUANTILES))
        delay({ quantile }, eventLoop.quantile(share));
      await Promise.all(Object.entries(dependencies).map(([name, isUp]) => ask(name, isUp)));
      return instruments.text();
    },
    stop: () => eventLoop.stop(),
  };
}

/** By the names that other programs give them too, so that ready-made dashboards find them. */
function tellOfNode({ read }: Instruments): void {
  const startedAt = Date.now() / 1_000 - process.uptime();
  read(
    { name: 'process_start_time_seconds', help: 'When this process was started, Unix time.' },
    () => startedAt,
  );
  read({ name: 'process_resident_memory_bytes', help: 'Memory of this process.' }, () =>
    process.memoryUsage.rss(),
  );
  read(
    { name: 'process_cpu_seconds_total', help: 'Processor time that this process has used.' },
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    'counter',
  );
}
