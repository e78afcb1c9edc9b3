import { hear } from '../../base/happenings.ts';
import { createProcessMetrics, type Dependencies, type Metrics } from './process-metrics.ts';

interface RelayMetricsDeps {
  /** The last step worked, or it is another relay's turn. */
  readonly isWell: () => boolean;
  readonly dependencies: Dependencies;
}

const ENDINGS = ['delivered', 'flagged', 'dead', 'discarded', 'replaced', 'apart'];

/** Counts what this relay does from now on; how many sales wait is told by the dashboard, for all relays. */
export function createRelayMetrics({ isWell, dependencies }: RelayMetricsDeps): Metrics {
  const { instruments, text, stop } = createProcessMetrics(dependencies);
  const { counter, read } = instruments;
  read(
    {
      name: 'conexxus_sync_relay_well',
      help: "1: the relay's last step worked, or it is another one's turn.",
    },
    () => (isWell() ? 1 : 0),
  );
  const taken = counter({
    name: 'conexxus_sync_relay_rows_taken_total',
    help: 'Rows that this relay took from the outbox.',
    labels: {},
  });
  const apart = counter({
    name: 'conexxus_sync_relay_rows_set_apart_total',
    help: 'Of these, rows that cannot be sent.',
    labels: {},
  });
  const settled = counter({
    name: 'conexxus_sync_relay_payloads_settled_total',
    help: 'Payloads whose fate this relay learned; one that dies again is counted again.',
    labels: { fate: ENDINGS },
  });
  const split = counter({
    name: 'conexxus_sync_relay_payloads_split_total',
    help: 'Payloads that this relay split into halves.',
    labels: {},
  });
  const ends = [
    hear('rows-taken', (look) => {
      taken({}, look.rows);
      apart({}, look.apart);
    }),
    hear('payload-settled', ({ state: fate }) => settled({ fate })),
    hear('payload-split', () => split({})),
  ];
  return {
    text,
    stop() {
      for (const end of ends) end();
      stop();
    },
  };
}
