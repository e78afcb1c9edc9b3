import { expect } from '@jest/globals';
import { eventStreamKey } from '../../../src/events/event.ts';
import { runCommand } from '../../cli/command.ts';
import { type FaultStand, startFaultStand } from '../../faults/fault-stand.ts';
import { eventually } from '../../support/eventually.ts';
import type { RunningProcess } from '../../support/process.ts';
import type { StandOptions } from '../../support/stand.ts';

/** The circuit of these rows. */
export const OPEN_MS = 3_000;
export const THRESHOLD = 5;
export const SLOTS = 10;
const QUICK = {
  CIRCUIT_OPEN: String(OPEN_MS),
  CIRCUIT_OPEN_MAX: '30000',
  CIRCUIT_FAILURE_THRESHOLD: String(THRESHOLD),
  WORKER_CONCURRENCY: String(SLOTS),
};
/** A good call takes longer than a refusal: that is how a sick worker comes to draw most jobs. */
export const LATENCY_MS = 20;

/** What `circuit status --json` says, as far as these rows read it. */
interface SeenStatus {
  readonly state: string;
  readonly phase: string | null;
  readonly epoch: number;
  readonly failures: number;
  readonly successes: number;
  readonly pausedBy: readonly string[];
  readonly benched: readonly {
    readonly worker: string;
    readonly cause: string;
    readonly retryAt: number | null;
  }[];
  readonly suspect: { readonly payload: string; readonly jobId: string } | null;
  readonly options: Readonly<Record<string, number>>;
}

/** A line of `workers --json`. */
interface SeenWorker {
  readonly name: string;
  readonly takesJobs: boolean;
  readonly benched: {
    readonly since: number;
    readonly cause: string;
    readonly retryAt: number | null;
  } | null;
}

/** An attempt, as its row tells it. */
export interface Attempt {
  readonly jobId: string;
  /** The name; null: a version that names none. */
  readonly worker: string | null;
  readonly outcome: string;
  /** From 1; those that count for nothing have the number of the next. */
  readonly attempt: number;
  readonly delivered: boolean;
  readonly stale: boolean;
  readonly at: number;
}

interface WorkerEvent {
  readonly worker: string;
  readonly cause: string | null;
  readonly at: number;
}

export interface Fleet extends FaultStand {
  startNamed(name: string, env?: Readonly<Record<string, string>>, entry?: string): Promise<RunningProcess>;
  /** `well-1` and so on, straight to the API. */
  startWell(count: number, env?: Readonly<Record<string, string>>): Promise<RunningProcess[]>;
  status(): Promise<SeenStatus & { readonly exitCode: number | null }>;
  statusText(): Promise<string>;
  knownWorkers(): Promise<SeenWorker[]>;
  /** Of these jobs, oldest first. */
  attempts(jobIds: readonly string[]): Promise<Attempt[]>;
  /** `benched` or `returned`, of the worker of that name or of all. */
  workerEvents(what: 'benched' | 'returned', name?: string): Promise<WorkerEvent[]>;
}

export async function startFleet({ env, ...options }: StandOptions = {}): Promise<Fleet> {
  const stand = await startFaultStand({
    simulator: { latency: { kind: 'fixed', ms: LATENCY_MS } },
    ...options,
    env: { ...QUICK, ...env },
  });
  const { database, namespace } = stand;
  const { sql } = database;
  const command = (args: readonly string[]) =>
    runCommand(args, { REDIS_URL: stand.env['REDIS_URL'], SYNC_NAMESPACE: namespace });
  const startNamed: Fleet['startNamed'] = (name, more, entry) =>
    stand.startWorker({ ...more, WORKER_NAME: name }, entry);

  return {
    ...stand,
    startNamed,
    async expectSums() {
      // A job is dead before its row is in Postgres.
      await eventually(async () => expect(await stand.redis.xlen(eventStreamKey(namespace))).toBe(0));
      await stand.expectSums();
    },
    startWell: (count, more) =>
      Promise.all(Array.from({ length: count }, (_, index) => startNamed(`well-${index + 1}`, more))),
    async status() {
      const { code, out, err } = await command(['circuit', 'status', '--json']);
      expect(err).toBe('');
      const status: SeenStatus = JSON.parse(out);
      return { ...status, exitCode: code };
    },
    statusText: async () => (await command(['circuit', 'status'])).out,
    async knownWorkers() {
      const { out, err } = await command(['workers', '--json']);
      expect(err).toBe('');
      const workers: SeenWorker[] = JSON.parse(out);
      return workers;
    },
    async attempts(jobIds) {
      const rows = await sql<Attempt[]>`
        select aggregate_id as "jobId", payload->>'worker' as worker, payload->>'outcome' as outcome,
          (payload->>'attempt')::int as attempt, event_type like 'conexxus.sync.succeeded.%' as delivered, payload->>'stale' is not null as stale,
          round(extract(epoch from "timestamp") * 1000)::float8 as at
        from event_log
        where aggregate_id in ${sql(jobIds)} and (event_type like 'conexxus.sync.succeeded.%'
          or event_type like 'conexxus.sync.failed.%')
        order by "timestamp"`;
      return [...rows];
    },
    async workerEvents(what, name) {
      const rows = await sql<WorkerEvent[]>`
        select payload->>'worker' as worker, payload->>'cause' as cause,
          round(extract(epoch from "timestamp") * 1000)::float8 as at
        from event_log where event_type = ${`conexxus.worker.${what}`} order by "timestamp"`;
      return name === undefined ? [...rows] : rows.filter(({ worker }) => worker === name);
    },
  };
}

/** Calls that failed, by the worker's own log: it is there whether the circuit heard of them or not. */
export function failedCalls({ logs }: RunningProcess): number {
  return logs.filter(({ msg, outcome }) => msg === 'attempt recorded' && outcome !== 'delivered').length;
}

/**
 * The row opened at the threshold; where one worker alone had seen it all until then, with the next of another.
 * Rows of one millisecond have no order: with the last one, any of them may have been what opened it.
 */
export function expectNoLaterThanNeeded(row: readonly Attempt[]): void {
  const before = row.filter(({ at }) => at < (row.at(-1)?.at ?? 0));
  const witnesses = new Set(before.map(({ worker }) => worker));
  expect(before.length >= THRESHOLD && witnesses.size > 1).toBe(false);
  expect([...witnesses]).not.toContain(null);
}

/** Whether it came to be, within that time: a row tells its figures also where it did not. */
export async function happens(assertions: () => Promise<void> | void, timeoutMs: number): Promise<boolean> {
  return eventually(assertions, timeoutMs).then(
    () => true,
    () => false,
  );
}

/** One line per row, so that two products can be held beside each other: `npm run test:fleet | grep figures`. */
export function tellFigures(row: string, figures: Readonly<Record<string, string | number | boolean>>): void {
  const told = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  process.stderr.write(`figures [${row}] ${told.join(' · ')}\n`);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
