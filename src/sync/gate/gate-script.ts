import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { circuitKeys } from '../../circuit/keys.ts';
import type { CircuitOptions } from '../../circuit/options.ts';
import { machineScript } from '../../circuit/scripts.ts';
import type { CircuitState } from '../../circuit/types.ts';
import { eventStreamKey } from '../../events/event.ts';
import { QUEUE_NAME, queuePrefix } from '../queue.ts';
import type { WorkerSelf } from '../worker-self.ts';

/** `operator`: a person paused the queue. `events`: too many rows wait for Postgres. */
export type PauseReason = (typeof PAUSE_REASONS)[number];

export const PAUSE_REASONS = ['open', 'health', 'hold', 'cooldown', 'events', 'operator'] as const;

export interface GateOptions {
  readonly circuit: CircuitOptions;
  readonly eventBacklogMax: number;
  /** Calls in flight in all; 0: no limit. */
  readonly fleetConcurrency: number;
  readonly rampStepMs: number;
}

/**
 * Whether this worker may work: `probation`: one job at a time until it has delivered; `benched`: not at all,
 * since it may be itself that is ill. `isDue`: it may ask Conexxus for its health.
 */
export type Standing =
  | { readonly kind: 'full' }
  | { readonly kind: 'probation' }
  | { readonly kind: 'benched'; readonly cause: string; readonly isDue: boolean };

export interface GatePicture {
  /** Why the queue is paused; empty: it is not. */
  readonly reasons: readonly PauseReason[];
  readonly state: CircuitState;
  /** Calls that all workers may have in flight now; 0: no limit. */
  readonly concurrency: number;
  /** Until something changes by itself; infinite where nothing will. */
  readonly dueMs: number;
  /** Redis's clock. */
  readonly now: number;
  readonly standing: Standing;
  /** Whether the workers are configured differently; null: not looked at this time. */
  readonly optionsDiffer: boolean | null;
}

const LUA = readFileSync(new URL('./gate.lua', import.meta.url), 'utf8');
const QUEUE_KEYS = ['meta', 'marker', 'events', 'wait', 'prioritized', 'delayed', 'paused'] as const;

/** As gate.lua returns it. */
type GateReply = [
  reasons: string,
  dueMs: string,
  now: string,
  bench: string,
  isDueOrOnProbation: 0 | 1,
  optionsDiffer: '' | '0' | '1',
  seenSince: string,
  state: CircuitState,
  concurrency: string,
];

/** `follow` brings the queue in line with the circuit, `look` changes nothing, `leave` is a worker's last word. */
export type GateScript = (mode: 'follow' | 'look' | 'leave') => Promise<GatePicture>;

/** @param self The worker whose gate it is: it is in the register as long as it follows. */
export function createGateScript(
  redis: Redis,
  namespace: string,
  options: GateOptions,
  self?: WorkerSelf,
): GateScript {
  const keys = circuitKeys(namespace, eventStreamKey(namespace));
  const script = redisScript<GateReply>(redis, machineScript(options.circuit, keys.channel) + LUA);
  const queue = QUEUE_KEYS.map((name) => `${queuePrefix(namespace)}:${QUEUE_NAME}:${name}`);
  const { eventBacklogMax, fleetConcurrency, rampStepMs } = options;
  const optionsText = JSON.stringify(options);
  let seenSince = '';

  /** What the register tells of this worker, `src/sync/register.ts` reads it. */
  function entry({ name, version, slots, busy, lastOutcome }: WorkerSelf): string {
    return JSON.stringify({ name, version, slots, busy, lastOutcome, options: optionsText });
  }

  return async (mode) => {
    const worker = self
      ? [self.id, self.takesJobs ? '1' : '0', seenSince, entry(self)]
      : (['', '', '', ''] as const);
    const reply = await script(
      [...keys.machine, ...queue],
      [eventBacklogMax, fleetConcurrency, rampStepMs, mode, ...worker],
    );
    seenSince = reply[6];
    return pictureOf(reply);
  };
}

function pictureOf(reply: GateReply): GatePicture {
  const [reasons, dueMs, now, bench, isDueOrOnProbation, optionsDiffer, , state, concurrency] = reply;
  const named = reasons.split(',');
  return {
    reasons: PAUSE_REASONS.filter((reason) => named.includes(reason)),
    state,
    concurrency: Number(concurrency),
    dueMs: dueMs === '' ? Number.POSITIVE_INFINITY : Number(dueMs),
    now: Number(now),
    standing: standingOf(bench, isDueOrOnProbation === 1),
    optionsDiffer: optionsDiffer === '' ? null : optionsDiffer === '1',
  };
}

function standingOf(bench: string, isDueOrOnProbation: boolean): Standing {
  if (bench === '') return { kind: isDueOrOnProbation ? 'probation' : 'full' };
  const { cause }: { cause: string } = JSON.parse(bench);
  return { kind: 'benched', cause, isDue: isDueOrOnProbation };
}

/** The queue as the circuit wants it, read without changing anything. */
export function lookAtGate(redis: Redis, namespace: string, options: GateOptions): Promise<GatePicture> {
  return createGateScript(redis, namespace, options)('look');
}
