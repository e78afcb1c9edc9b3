import { type Happenings, hear } from '../../base/happenings.ts';
import { PAUSE_REASONS } from '../../sync/gate/gate-script.ts';
import type { WorkerSelf } from '../../sync/worker-self.ts';
import { type Instruments, setEach } from './instruments.ts';
import { CIRCUIT_STATES, HEALTH_ANSWERS, OPERATIONS, OUTCOMES } from './labels.ts';
import { createProcessMetrics, type Dependencies, type Metrics } from './process-metrics.ts';

interface WorkerMetricsDeps {
  readonly self: WorkerSelf;
  readonly dependencies: Dependencies;
}

/** From ten milliseconds to what `CONEXXUS_TIMEOUT` may well be. */
const CALL_BUCKETS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** These say nothing about how long Conexxus takes. */
const NO_CALL = new Set(['crashed', 'aborted']);

/** Counts what happens in this process from now on. */
export function createWorkerMetrics({ self, dependencies }: WorkerMetricsDeps): Metrics {
  const { instruments, text, stop } = createProcessMetrics(dependencies);
  const ends = [...hearOfSales(instruments), ...hearOfCircuit(instruments), ...hearOfEventLog(instruments)];
  instruments.read(
    { name: 'conexxus_sync_worker_slots', help: 'Jobs that this worker may have at a time.' },
    () => self.slots,
  );
  instruments.read(
    { name: 'conexxus_sync_worker_busy', help: 'Jobs that this worker has now.' },
    () => self.busy,
  );
  return {
    text,
    stop() {
      for (const end of ends) end();
      stop();
    },
  };
}

function hearOfSales({ counter, histogram }: Instruments) {
  const attempts = counter({
    name: 'conexxus_sync_attempts_total',
    help: 'Attempts that this worker made, by what came of them.',
    labels: { operation: OPERATIONS, outcome: OUTCOMES },
  });
  const duration = histogram({
    name: 'conexxus_sync_call_duration_seconds',
    help: 'How long calls to Conexxus took, until the whole answer or the failure.',
    labels: { operation: OPERATIONS, delivered: ['yes', 'no'] },
    buckets: CALL_BUCKETS_S,
  });
  const trials = counter({
    name: 'conexxus_sync_trials_total',
    help: 'Of the attempts, those that were trials of a half-open circuit.',
    labels: { outcome: OUTCOMES },
  });
  const deaths = counter({
    name: 'conexxus_sync_dead_lettered_total',
    help: 'Jobs that this worker gave up, a batch that is to be sent in halves among them.',
    labels: { operation: OPERATIONS, outcome: OUTCOMES },
  });
  const stalled = counter({
    name: 'conexxus_sync_stalled_jobs_total',
    help: 'Jobs of a worker that died or froze, found by this one.',
    labels: {},
  });

  function count({ operation, outcome, durationMs, trial }: Happenings['attempt-made']): void {
    attempts({ operation, outcome });
    if (trial) trials({ outcome });
    if (NO_CALL.has(outcome)) return;
    duration({ operation, delivered: outcome === 'delivered' ? 'yes' : 'no' }, durationMs / 1_000);
  }

  return [
    hear('attempt-made', count),
    hear('dead-lettered', ({ operation, outcome }) => deaths({ operation, outcome })),
    hear('job-stalled', () => stalled({})),
  ];
}

/** What the gate learns once a second: nothing is asked for it. */
function hearOfCircuit({ counter, gauge }: Instruments) {
  const state = gauge({
    name: 'conexxus_sync_circuit_state',
    help: 'The state of the circuit as this worker last saw it: 1 for the one it is in.',
    labels: { state: CIRCUIT_STATES },
  });
  const paused = gauge({
    name: 'conexxus_sync_queue_paused',
    help: 'Why the queue is paused, as this worker last saw it: 1 for each reason that holds.',
    labels: { reason: PAUSE_REASONS },
  });
  const limit = gauge({
    name: 'conexxus_sync_concurrency_limit',
    help: 'Calls that all workers together may have in flight, as this worker last saw it (trials, ramp); 0: no limit.',
    labels: {},
  });
  const benched = gauge({
    name: 'conexxus_sync_worker_benched',
    help: 'Whether this worker takes no jobs since it may be itself that is ill.',
    labels: {},
  });
  const failures = counter({
    name: 'conexxus_sync_gate_failures_total',
    help: 'How often this worker could not look at the circuit.',
    labels: {},
  });
  const healthCalls = counter({
    name: 'conexxus_sync_health_calls_total',
    help: 'Calls for the health of Conexxus that this worker made, by what was answered.',
    labels: { answer: HEALTH_ANSWERS },
  });
  return [
    hear('gate-followed', (seen) => {
      setEach(state, 'state', CIRCUIT_STATES, (one) => one === seen.state);
      setEach(paused, 'reason', PAUSE_REASONS, (one) => seen.pausedBy.includes(one));
      limit({}, seen.concurrency);
      benched({}, seen.standing === 'benched' ? 1 : 0);
    }),
    hear('gate-failed', () => failures({})),
    hear('health-call-made', ({ answer }) => healthCalls({ answer: answer.kind })),
  ];
}

function hearOfEventLog({ counter }: Instruments) {
  const rows = counter({
    name: 'conexxus_sync_event_rows_written_total',
    help: 'Rows that this worker wrote to the event log.',
    labels: {},
  });
  const failures = counter({
    name: 'conexxus_sync_event_write_failures_total',
    help: 'How often this worker could not write to the event log; it tries again.',
    labels: {},
  });
  const apart = counter({
    name: 'conexxus_sync_events_set_apart_total',
    help: 'Events that this worker set apart, since they can never be a row.',
    labels: {},
  });
  return [
    hear('rows-written', ({ rows: written }) => rows({}, written)),
    hear('rows-not-written', () => failures({})),
    hear('event-set-apart', () => apart({})),
  ];
}
