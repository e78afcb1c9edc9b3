import type { Redis } from 'ioredis';
import type { Logger } from '../../base/logger.ts';
import { within } from '../../base/shared.ts';
import { readUnwritten } from '../../events/unwritten.ts';
import { readReport } from '../../outbox/counts.ts';
import { DEATHS_LOOKED_AT, readNewestDeaths } from '../../sync/dead-letters/newest-deaths.ts';
import { PAUSE_REASONS } from '../../sync/gate/gate-script.ts';
import { JOB_STATES, readBacklog } from '../../sync/report/backlog.ts';
import type { Fleet, FleetView } from '../../sync/report/fleet.ts';
import { createInstruments, type Instruments, setEach } from './instruments.ts';
import { CIRCUIT_STATES, DEATH_REASONS, deathReasonOf, OPENING_CAUSES } from './labels.ts';
import {
  createProcessMetrics,
  DEPENDENCY_TIMEOUT_MS,
  type Dependencies,
  type Metrics,
} from './process-metrics.ts';

export interface FleetMetricsDeps {
  /** Over a connection that fails fast. */
  readonly redis: Redis;
  readonly namespace: string;
  readonly fleet: Pick<Fleet, 'look'>;
  readonly dependencies: Dependencies;
  readonly logger: Logger;
}

type Part = (instruments: Instruments, deps: FleetMetricsDeps) => Promise<void>;

const PARTS: Readonly<Record<string, Part>> = {
  circuit: tellOfCircuit,
  jobs: tellOfJobs,
  dead_letters: tellOfDeadLetters,
  events: tellOfEvents,
  outbox: tellOfOutbox,
};

/** Of the whole installation, and of the dashboard that tells it. What can't be read now has no series. */
export function createFleetMetrics(deps: FleetMetricsDeps): Metrics {
  const own = createProcessMetrics(deps.dependencies);
  return {
    // New at each scrape, so that nothing stands that was not read now.
    async text() {
      const [ownText, fleetText] = await Promise.all([own.text(), tellOfFleet(deps)]);
      return `${ownText}\n${fleetText}`;
    },
    stop: () => own.stop(),
  };
}

async function tellOfFleet(deps: FleetMetricsDeps): Promise<string> {
  const instruments = createInstruments();
  const known = instruments.gauge({
    name: 'conexxus_sync_fleet_known',
    help: 'Whether this part of the fleet metrics could be read; its series are missing where it is 0.',
    labels: { part: Object.keys(PARTS) },
  });
  const failed = await Promise.all(
    Object.entries(PARTS).map(async ([part, tell]) => {
      const why = await within(
        DEPENDENCY_TIMEOUT_MS,
        tell(instruments, deps).catch((error: unknown) => error),
        new Error('took too long'),
      );
      known({ part }, why === undefined ? 1 : 0);
      return why === undefined ? [] : [{ part, why }];
    }),
  );
  const [first, ...others] = failed.flat();
  if (first !== undefined) {
    const parts = [first, ...others].map(({ part }) => part);
    deps.logger.warn({ err: first.why, parts }, 'metrics are incomplete');
  }
  return instruments.text();
}

async function tellOfCircuit(instruments: Instruments, { fleet }: FleetMetricsDeps): Promise<void> {
  const view = await fleet.look();
  const { report, openings, now } = view;
  const { gauge, counter } = instruments;
  const state = gauge({
    name: 'conexxus_sync_fleet_circuit_state',
    help: 'The state of the circuit: 1 for the one it is in.',
    labels: { state: CIRCUIT_STATES },
  });
  setEach(state, 'state', CIRCUIT_STATES, (one) => one === report.state);
  const paused = gauge({
    name: 'conexxus_sync_fleet_queue_paused',
    help: 'Why the queue is paused: 1 for each reason that holds.',
    labels: { reason: PAUSE_REASONS },
  });
  setEach(paused, 'reason', PAUSE_REASONS, (one) => report.pausedBy.includes(one));
  const opened = counter({
    name: 'conexxus_sync_fleet_circuit_openings_total',
    help: 'How often the circuit opened, by cause, as counted in Redis.',
    labels: { cause: OPENING_CAUSES },
  });
  for (const [cause, count] of Object.entries(openings)) opened({ cause }, count);
  gauge({
    name: 'conexxus_sync_fleet_outage_seconds',
    help: 'How long the circuit has been down, trials included; 0: it is closed.',
    labels: {},
  })({}, report.outage === null ? 0 : secondsBetween(report.outage.since, now));
  gauge({
    name: 'conexxus_sync_fleet_trials_in_flight',
    help: 'Trials of a half-open circuit that are under way.',
    labels: {},
  })({}, report.trialsInFlight);
  tellOfLimits(instruments, view);
  tellOfWorkers(instruments, view);
}

function tellOfLimits({ gauge }: Instruments, { concurrency, eventBacklogMax }: FleetView): void {
  gauge({
    name: 'conexxus_sync_fleet_concurrency_limit',
    help: 'Calls that all workers together may have in flight (trials, ramp, FLEET_CONCURRENCY); 0: no limit.',
    labels: {},
  })({}, concurrency);
  gauge({
    name: 'conexxus_sync_fleet_event_backlog_limit',
    help: 'Rows waiting for Postgres at which the queue is paused: EVENT_BACKLOG_MAX, as the workers have it.',
    labels: {},
  })({}, eventBacklogMax);
}

function tellOfWorkers({ gauge }: Instruments, { workers }: FleetView): void {
  const there = gauge({
    name: 'conexxus_sync_fleet_workers',
    help: 'Workers that are there: alive, benched, or told to take no jobs (idle).',
    labels: { state: ['alive', 'benched', 'idle'] },
  });
  const benched = workers.filter((worker) => worker.benched !== null).length;
  const idle = workers.filter((worker) => worker.benched === null && !worker.takesJobs).length;
  there({ state: 'alive' }, workers.length - benched - idle);
  there({ state: 'benched' }, benched);
  there({ state: 'idle' }, idle);
}

async function tellOfJobs({ gauge }: Instruments, { redis, namespace }: FleetMetricsDeps): Promise<void> {
  const { jobs, oldestDueSince, now } = await readBacklog(redis, namespace);
  const depth = gauge({
    name: 'conexxus_sync_fleet_jobs',
    help: 'Jobs in the queue, by state. Completed ones are those kept to be looked at, failed ones the dead letters.',
    labels: { state: JOB_STATES },
  });
  for (const state of JOB_STATES) depth({ state }, jobs[state]);
  gauge({
    name: 'conexxus_sync_fleet_oldest_due_job_age_seconds',
    help: 'How long the oldest job that is due has been waiting, of those next in turn: since it was enqueued, or last failed by itself. 0: none is due.',
    labels: {},
  })({}, oldestDueSince === null ? 0 : secondsBetween(oldestDueSince, now));
}

async function tellOfDeadLetters(
  { gauge }: Instruments,
  { redis, namespace }: FleetMetricsDeps,
): Promise<void> {
  const { total, codes } = await readNewestDeaths(redis, namespace);
  const counts = new Map(DEATH_REASONS.map((reason) => [reason, 0]));
  let older = total;
  for (const [code, count] of codes) {
    const reason = deathReasonOf(code);
    counts.set(reason, (counts.get(reason) ?? 0) + count);
    older -= count;
  }
  counts.set('older', older);
  const dead = gauge({
    name: 'conexxus_sync_fleet_dead_letters',
    help: `Dead letters, by what the newest ${DEATHS_LOOKED_AT} of them died of; the rest are "older". A batch that is about to be sent in halves is counted until then.`,
    labels: { reason: DEATH_REASONS },
  });
  for (const [reason, count] of counts) dead({ reason }, count);
}

async function tellOfEvents({ gauge }: Instruments, { redis, namespace }: FleetMetricsDeps): Promise<void> {
  const { rows, oldestAt, refused, now } = await readUnwritten(redis, namespace);
  gauge({
    name: 'conexxus_sync_fleet_event_backlog',
    help: 'Rows of the event log that wait for Postgres.',
    labels: {},
  })({}, rows);
  gauge({
    name: 'conexxus_sync_fleet_event_backlog_age_seconds',
    help: 'How long the oldest of them has been waiting; 0: there is none.',
    labels: {},
  })({}, oldestAt === null ? 0 : secondsBetween(oldestAt, now));
  gauge({
    name: 'conexxus_sync_fleet_events_set_apart',
    help: 'Events that can never be a row, and wait for a person.',
    labels: {},
  })({}, refused);
}

/** Without an outbox nothing: 0 would say that all is sent. */
async function tellOfOutbox({ gauge }: Instruments, { redis, namespace }: FleetMetricsDeps): Promise<void> {
  const states = ['untaken', 'waiting', 'enqueued', 'dead', 'apart'] as const;
  const sales = gauge({
    name: 'conexxus_sync_fleet_outbox_sales',
    help: 'Sales in the outbox that are not settled, by state, as the relay at work counted them; untaken: rows. No series: no relay has counted within a day.',
    labels: { state: states },
  });
  const age = gauge({
    name: 'conexxus_sync_fleet_outbox_oldest_age_seconds',
    help: 'How long the oldest that is untaken or waiting had been there; 0: none is.',
    labels: {},
  });
  const held = gauge({
    name: 'conexxus_sync_fleet_outbox_held',
    help: 'Whether the relays send nothing until a person says so.',
    labels: {},
  });
  const counted = gauge({
    name: 'conexxus_sync_fleet_outbox_counted_age_seconds',
    help: 'How long ago the outbox was counted: some seconds, or no relay works.',
    labels: {},
  });
  const report = await readReport(redis, namespace);
  if (report === null) return;
  const { relay, total, agoMs } = report;
  for (const state of states) sales({ state }, state === 'untaken' ? relay.untaken : total[state]);
  age({}, total.oldestAt === null ? 0 : secondsBetween(total.oldestAt, relay.now));
  held({}, relay.held === null ? 0 : 1);
  counted({}, agoMs / 1_000);
}

/** Clocks that differ make no negative time. */
function secondsBetween(from: number, to: number): number {
  return Math.max(0, to - from) / 1_000;
}
