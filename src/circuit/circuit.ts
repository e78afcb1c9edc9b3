import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ConexxusSyncError } from '../base/errors.ts';
import { batchedScript, redisScript } from '../base/redis.ts';
import { type CircuitKeys, circuitKeys } from './keys.ts';
import { type CircuitOptions, checkCircuitOptions } from './options.ts';
import { type CallScript, type CircuitScript, circuitBatch, circuitScript } from './scripts.ts';
import type {
  Acquired,
  BenchEnding,
  CircuitStatus,
  CircuitVerdict,
  DenialReason,
  HealthEnding,
  OutcomeReport,
  Recorded,
  Subject,
} from './types.ts';

/** One circuit for all processes of a namespace. It holds no state of its own: all of it is in Redis. */
export interface Circuit {
  /** May this job call now? One round trip, shared with those who ask in the same turn. Rejects where Redis can't be written. */
  acquire(subject: Subject): Promise<Acquired>;
  /** What came of the call: once per permission, whatever happened. One round trip, shared likewise. */
  record(subject: Subject, permission: string, report: OutcomeReport): Promise<Recorded>;
  /** Takes the lease on the health call if it is due; the permission to end it with, or null. */
  beginHealth(): Promise<string | null>;
  endHealth(permission: string, ending: HealthEnding, retryAfterMs?: number): Promise<void>;
  /** What a benched worker heard when it asked by itself; false: it is not benched, or only a restart helps. */
  endBench(ending: BenchEnding, retryAfterMs?: number): Promise<boolean>;
  operate(action: CircuitAction, word: PersonsWord): Promise<void>;
  status(): Promise<CircuitStatus>;
}

export type CircuitAction = 'hold' | 'release' | 'bypass' | 'trial' | 'reset';

/** Who says it and why; `until` (ms since 1970, Redis clock) for hold and bypass. */
export interface PersonsWord {
  readonly actor: string;
  readonly reason: string;
  readonly until?: number;
}

/** What was asked makes no sense in this state; the message says why. Nothing was changed. */
export class IllegalMoveError extends ConexxusSyncError {
  readonly code = 'ILLEGAL_CIRCUIT_MOVE';
}

interface CircuitDeps {
  readonly redis: Redis;
  readonly namespace: string;
  /** Key of the outcome stream that `record` appends to. */
  readonly eventStream: string;
  readonly options: CircuitOptions;
  /** Id of the worker that calls, as the register knows it; absent: an onlooker. */
  readonly worker?: string;
}

/** @throws {InvalidCircuitOptionsError} */
export function createCircuit(deps: CircuitDeps): Circuit {
  const { redis, namespace, eventStream, options, worker = '' } = deps;
  checkCircuitOptions(options);
  const keys = circuitKeys(namespace, eventStream);
  const script = <Reply>(name: CircuitScript) =>
    redisScript<Reply>(redis, circuitScript(name, options, keys.channel));
  const { acquire, record } = ofEachCall(deps, keys);
  const health = script<0 | 1>('health');
  const bench = script<0 | 1>('bench');
  const operate = script<['done'] | ['refused', string]>('operate');
  const status = script<string>('status');
  return {
    async acquire(subject) {
      const permission = randomUUID();
      const reply = await acquire(subjectKeys(keys, subject), [permission, subject.jobId, worker]);
      return acquiredOf(reply, permission);
    },
    async record(subject, permission, report) {
      const effect = isSlow(report, options) ? 'failure' : report.effect;
      const reply = await record(subjectKeys(keys, subject), [
        permission,
        effect,
        report.delivered && subject.syncKey !== undefined ? '1' : '0',
        report.retryAfterMs ?? '',
        JSON.stringify(report.event),
        worker,
        report.payload ?? '',
        report.failure === undefined ? '' : JSON.stringify(report.failure),
        report.doubt ?? '',
      ]);
      return recordedOf(reply);
    },
    async beginHealth() {
      const permission = randomUUID();
      return (await health(keys.machine, [permission, '', '', worker])) === 1 ? permission : null;
    },
    async endHealth(permission, ending, retryAfterMs) {
      await health(keys.machine, [permission, ending, retryAfterMs ?? '', worker]);
    },
    endBench: async (ending, retryAfterMs) =>
      (await bench(keys.machine, [worker, ending, retryAfterMs ?? ''])) === 1,
    async operate(action, { actor, reason, until }) {
      const reply = await operate(keys.machine, [action, actor, reason, until ?? '', randomUUID()]);
      if (reply[0] === 'refused') throw new IllegalMoveError(`Can't ${action}: ${reply[1]}.`);
    },
    status: async () => statusOf(await status(keys.machine, [])),
  };
}

/** What is decided at each call: those of one turn together. */
function ofEachCall({ redis, options }: CircuitDeps, keys: CircuitKeys) {
  const batched = <Reply>(name: CallScript, args: number) => {
    const { prelude, step } = circuitBatch(name, options, keys.channel);
    return batchedScript<Reply>(redis, { prelude, step, sharedKeys: keys.machine, ownKeys: 2, args });
  };
  return { acquire: batched<AcquireReply>('acquire', 3), record: batched<RecordReply>('record', 9) };
}

/** A payload without a sync key is claimed by its job, and never marked delivered. */
function subjectName({ syncKey, jobId }: Subject): string {
  return syncKey ?? `job:${jobId}`;
}

function subjectKeys(keys: CircuitKeys, subject: Subject): string[] {
  const name = subjectName(subject);
  return [keys.claim(name), keys.delivered(name)];
}

function isSlow({ effect, durationMs }: OutcomeReport, { slowCallMs }: CircuitOptions): boolean {
  return effect === 'success' && slowCallMs > 0 && durationMs > slowCallMs;
}

/** As lua/acquire.lua returns it. */
type AcquireReply =
  | ['delivered']
  | ['permitted', epoch: string, trial: 0 | 1, doubt: string]
  | ['denied', reason: DenialReason, retryAt: string, now: string];

function acquiredOf(reply: AcquireReply, permission: string): Acquired {
  switch (reply[0]) {
    case 'delivered':
      return { kind: 'delivered' };
    case 'permitted': {
      const [kind, epoch, trial, doubt] = reply;
      return {
        kind,
        permission,
        epoch: Number(epoch),
        trial: trial === 1,
        doubt: doubt === '' ? null : Number(doubt),
      };
    }
    case 'denied': {
      const [kind, reason, retryAt, now] = reply;
      if (retryAt === '') return { kind, reason, retryAt: null, waitMs: null };
      return { kind, reason, retryAt: Number(retryAt), waitMs: Math.max(0, Number(retryAt) - Number(now)) };
    }
  }
}

function statusOf(json: string): CircuitStatus {
  // Lua knows no empty array.
  const picture: Omit<CircuitStatus, 'benched'> & { benched: CircuitStatus['benched'] | null } =
    JSON.parse(json);
  return { ...picture, benched: picture.benched ?? [] };
}

/** As lua/record.lua returns it. */
type RecordReply = [Recorded['kind'], Recorded['state'], moved: 0 | 1, CircuitVerdict | '', waitMs: string];

function recordedOf([kind, state, moved, verdict, waitMs]: RecordReply): Recorded {
  return {
    kind,
    state,
    moved: moved === 1,
    verdict: verdict === '' ? null : verdict,
    waitMs: waitMs === '' ? null : Number(waitMs),
  };
}
