import { type MetricsProcess, PROCESSES } from '../../support/registries.ts';

export const INSTANCES: Readonly<Record<MetricsProcess, string>> = {
  worker: 'till-1:9100',
  relay: 'pos-1:9101',
  intake: 'pos-1:9102',
  dashboard: 'ops-1:3000',
};

/** A series and what it shows from now on; null: it is gone, as what a process that is gone showed. */
export type Change = readonly [
  process: MetricsProcess,
  name?: string,
  value?: number | null,
  labels?: Readonly<Record<string, string>>,
];

export interface Fault {
  readonly changes: readonly Change[];
  readonly summary: string;
  /** Beside severity, job and the instance where it is of one process. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly of?: MetricsProcess;
  /** Nobody tells it, so it has no job either. */
  readonly isOfNobody?: true;
  /** Of another name. */
  readonly also?: Readonly<Record<string, number>>;
}

const fleet = (name: string, value: number | null, labels: Readonly<Record<string, string>> = {}): Change => [
  'dashboard',
  `conexxus_sync_fleet_${name}`,
  value,
  labels,
];

/** Each way in which a rule's fault shows, just beyond its bound. */
export const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  ConexxusSyncCircuitOpen: [
    { changes: [fleet('outage_seconds', 90)], summary: 'The circuit has been open for 1m 30s' },
  ],
  ConexxusSyncCircuitFlaps: [
    {
      changes: [
        fleet('circuit_openings_total', 3, { cause: 'streak' }),
        fleet('circuit_openings_total', 1, { cause: 'rate' }),
      ],
      summary: 'The circuit opened 4 times within an hour',
    },
  ],
  ConexxusSyncMisconfigured: [
    {
      changes: [fleet('circuit_openings_total', 1, { cause: 'misconfigured' })],
      summary: 'Conexxus refuses the API key, or redirects elsewhere',
      labels: { cause: 'misconfigured' },
    },
  ],
  ConexxusSyncPausedByPerson: ['hold', 'operator'].map((reason) => ({
    changes: [fleet('queue_paused', 1, { reason })],
    summary: 'A person has stopped the queue for more than an hour',
  })),
  ConexxusSyncSalesWait: [
    {
      changes: [fleet('oldest_due_job_age_seconds', 901)],
      summary: 'A sale that is due has been waiting for 15m 1s',
    },
  ],
  ConexxusSyncNothingCompletes: [
    {
      changes: [fleet('jobs', 12, { state: 'waiting' })],
      summary: 'Nothing is delivered, and 12 jobs wait',
    },
  ],
  ConexxusSyncDeadLettersGrow: [
    {
      changes: [
        fleet('dead_letters', 2, { reason: 'rejected' }),
        fleet('dead_letters', 1, { reason: 'older' }),
      ],
      summary: '3 more dead letters than within the last hour',
    },
  ],
  ConexxusSyncNoWorker: [
    { changes: [fleet('workers', 0, { state: 'alive' })], summary: 'No worker takes jobs' },
  ],
  ConexxusSyncWorkerBenched: [
    {
      changes: [['worker', 'conexxus_sync_worker_benched', 1], fleet('workers', 1, { state: 'benched' })],
      summary: 'A worker is benched (till-1:9100)',
      of: 'worker',
    },
    {
      changes: [['worker', 'conexxus_sync_worker_benched', null], fleet('workers', 1, { state: 'benched' })],
      summary: 'A worker is benched',
    },
  ],
  ConexxusSyncJobsStalled: [
    {
      changes: [['worker', 'conexxus_sync_stalled_jobs_total', 1]],
      summary: 'A worker died or froze with jobs in its hands',
      labels: { job: 'conexxus-sync-worker' },
    },
  ],
  ConexxusSyncEventLoopDelay: PROCESSES.map((process) => ({
    changes: [[process, 'conexxus_sync_event_loop_delay_seconds', 0.26, { quantile: '0.99' }]],
    summary: `${INSTANCES[process]} comes 260ms late to what is due`,
    labels: { quantile: '0.99' },
    of: process,
  })),
  ConexxusSyncTargetDown: [
    { changes: [['worker']], summary: 'till-1:9100 does not answer Prometheus', of: 'worker' },
    { changes: [['relay']], summary: 'pos-1:9101 does not answer Prometheus', of: 'relay' },
  ],
  ConexxusSyncDashboardAbsent: [
    {
      changes: [['dashboard']],
      summary: 'No dashboard tells how the installation is',
      isOfNobody: true,
      also: { ConexxusSyncTargetDown: 1 },
    },
  ],
  ConexxusSyncFleetUnknown: ['circuit', 'jobs', 'dead_letters', 'events', 'outbox'].map((part) => ({
    changes: [fleet('known', 0, { part })],
    summary: `The dashboard cannot read ${part}`,
    labels: { part },
  })),
  ConexxusSyncRedisDown: PROCESSES.map((process) => ({
    changes: [[process, 'conexxus_sync_up', 0, { dependency: 'redis' }]],
    summary: `Redis is away for ${INSTANCES[process]}`,
    labels: { dependency: 'redis' },
    of: process,
  })),
  ConexxusSyncPostgresDown: PROCESSES.map((process) => ({
    changes: [[process, 'conexxus_sync_up', 0, { dependency: 'postgres' }]],
    summary: `Postgres is away for ${INSTANCES[process]}`,
    labels: { dependency: 'postgres' },
    of: process,
  })),
  ConexxusSyncEventLogBehind: [
    {
      changes: [fleet('event_backlog_age_seconds', 301)],
      summary: 'A row of the event log has been waiting for 5m 1s',
    },
  ],
  ConexxusSyncEventBacklogHalf: [
    {
      changes: [fleet('event_backlog', 51)],
      summary: 'The rows that wait for Postgres are at 51% of EVENT_BACKLOG_MAX',
    },
  ],
  ConexxusSyncEventBacklogNearlyFull: [
    {
      changes: [fleet('event_backlog', 91)],
      summary: 'The rows that wait for Postgres are at 91% of EVENT_BACKLOG_MAX',
    },
  ],
  ConexxusSyncEventSetApart: [
    {
      changes: [fleet('events_set_apart', 1)],
      summary: '1 events can never be a row of the event log',
    },
  ],
  ConexxusSyncRelaySilent: [
    { changes: [fleet('outbox_counted_age_seconds', 61)], summary: 'No relay is at work' },
    // A day later.
    { changes: [fleet('outbox_counted_age_seconds', null)], summary: 'No relay is at work' },
  ],
  ConexxusSyncRelayHeld: [
    {
      changes: [fleet('outbox_held', 1)],
      summary: 'The relays send nothing until a person releases them',
    },
  ],
  ConexxusSyncRelayNotWell: [
    {
      changes: [['relay', 'conexxus_sync_relay_well', 0]],
      summary: 'The relay pos-1:9101 fails at each step',
      of: 'relay',
    },
  ],
  ConexxusSyncOutboxWaits: [
    {
      changes: [fleet('outbox_oldest_age_seconds', 901)],
      summary: 'A sale has been waiting in the outbox for 15m 1s',
    },
  ],
  ConexxusSyncSalesSetApart: [
    {
      changes: [fleet('outbox_sales', 2, { state: 'apart' })],
      summary: '2 more sales set apart than within the last hour',
    },
  ],
};
