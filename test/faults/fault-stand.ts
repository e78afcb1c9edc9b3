import { expect } from '@jest/globals';
import { loadConfig } from '../../src/base/config/config.ts';
import { type Circuit, createCircuit } from '../../src/circuit/circuit.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import { gateOptionsOf } from '../../src/sync/settings.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningProcess } from '../support/process.ts';
import type { LedgerEntry } from '../support/simulator/protocol.ts';
import { type Stand, type StandOptions, startStand } from '../support/stand.ts';

export const SALES_PATH = '/api/v1/sales/push';

/** A failed attempt, as its row tells it. */
interface FailedAttempt {
  readonly jobId: string;
  readonly outcome: string;
  readonly code: string;
  readonly message: string;
  readonly durationMs: number;
}

/** A stand for several rows of the matrix, each on sales of its own. */
export interface FaultStand extends Stand {
  readonly circuit: Circuit;
  /** Keys whose answer a fault swallowed, on the wire or with its process; add to it before `expectSums`. */
  readonly lostAnswers: Set<string>;
  /** How each row begins: no fault, an API that answers, a closed circuit. */
  calm(): Promise<void>;
  /** Until nothing waits, runs or is delayed, and the event log has caught up. */
  untilAtRest(timeoutMs?: number): Promise<void>;
  untilPaused(): Promise<void>;
  /** The three sums, over all rows of this stand so far. */
  expectSums(): Promise<void>;
  calls(jobId: string): Promise<readonly LedgerEntry[]>;
  failures(jobIds: readonly string[]): Promise<FailedAttempt[]>;
  /** Causes of the circuit's openings since `calm`, oldest first. */
  openings(): Promise<string[]>;
  /** Attempts spent by these jobs that have not ended. */
  attemptsSpent(jobIds: readonly string[]): Promise<number>;
  states(jobIds: readonly string[]): Promise<string[]>;
}

export async function startFaultStand(options: StandOptions = {}): Promise<FaultStand> {
  const stand = await startStand(options);
  const { redis, namespace, queue, simulator, database } = stand;
  const circuit = circuitOf(stand);
  const lostAnswers = new Set<string>();
  let calmEpoch = 0;

  return {
    ...stand,
    circuit,
    lostAnswers,
    async calm() {
      await simulator.setMode('ok');
      await simulator.setFaults([]);
      await circuit.operate('reset', { actor: 'test', reason: 'the next row' });
      calmEpoch = (await circuit.status()).epoch;
      await eventually(async () => expect(await queue.isPaused()).toBe(false));
    },
    untilAtRest: (timeoutMs = 20_000) =>
      eventually(async () => {
        const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized');
        expect(counts).toEqual({ waiting: 0, active: 0, delayed: 0, prioritized: 0 });
        expect(await redis.xlen(eventStreamKey(namespace))).toBe(0);
      }, timeoutMs),
    // Our stamp, not a person's pause.
    untilPaused: () =>
      eventually(async () => expect(await redis.hget(queue.toKey('meta'), 'paused')).toBe('circuit')),
    async expectSums() {
      const { problems, unlogged } = await stand.reconcile({ lostAnswers });
      expect(problems).toEqual([]);
      // What was killed could not record the answers it had.
      if (!(await anyKilled(stand.workers))) expect(unlogged).toEqual([]);
    },
    calls: (jobId) => simulator.ledger({ path: SALES_PATH, key: jobId }),
    async failures(jobIds) {
      const rows = await database.sql<FailedAttempt[]>`
        select aggregate_id as "jobId", payload->>'outcome' as outcome, payload->'error'->>'code' as code,
          payload->'error'->>'message' as message, (payload->>'durationMs')::int as "durationMs"
        from event_log
        where event_type like 'conexxus.sync.failed.%' and aggregate_id in ${database.sql(jobIds)}
        order by "timestamp"`;
      return [...rows];
    },
    async openings() {
      const rows = await database.sql<{ cause: string }[]>`
        select payload->>'cause' as cause from event_log
        where event_type = 'conexxus.circuit.opened' and (payload->>'epoch')::bigint > ${calmEpoch}
        order by (payload->>'epoch')::bigint`;
      return rows.map(({ cause }) => cause);
    },
    async attemptsSpent(jobIds) {
      const jobs = await Promise.all(jobIds.map((id) => queue.getJob(id)));
      const unfinished = jobs.filter((job) => job !== undefined && job.finishedOn === undefined);
      return unfinished.reduce((total, job) => total + (job?.attemptsMade ?? 0), 0);
    },
    states: (jobIds) => Promise.all(jobIds.map((id) => queue.getJobState(id))),
  };
}

async function anyKilled(workers: readonly RunningProcess[]): Promise<boolean> {
  const exits = await Promise.all(
    workers.map(({ exited }) => Promise.race([exited, Promise.resolve(undefined)])),
  );
  return exits.some((exit) => exit?.signal === 'SIGKILL');
}

function circuitOf({ env, redis, namespace }: Stand): Circuit {
  const { circuit } = loadConfig('circuit', env);
  const settings = { circuit, eventBacklogMax: 1, fleetConcurrency: 0, callTimeoutMs: 0 };
  const eventStream = eventStreamKey(namespace);
  return createCircuit({ redis, namespace, eventStream, options: gateOptionsOf(settings).circuit });
}
