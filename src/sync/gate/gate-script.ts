import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { circuitKeys } from '../../circuit/keys.ts';
import type { CircuitOptions } from '../../circuit/options.ts';
import { machineScript } from '../../circuit/scripts.ts';
import { eventStreamKey } from '../../events/event.ts';
import { QUEUE_NAME, queuePrefix } from '../queue.ts';

/** `operator`: a person paused the queue. `events`: too many rows wait for Postgres. */
export type PauseReason = (typeof PAUSE_REASONS)[number];

const PAUSE_REASONS = ['open', 'health', 'hold', 'cooldown', 'events', 'operator'] as const;

export interface GateOptions {
  readonly circuit: CircuitOptions;
  readonly eventBacklogMax: number;
  /** Calls in flight in all; 0: no limit. */
  readonly fleetConcurrency: number;
  readonly rampStepMs: number;
}

export interface GatePicture {
  /** Why the queue is paused; empty: it is not. */
  readonly reasons: readonly PauseReason[];
  /** Until something changes by itself; infinite where nothing will. */
  readonly dueMs: number;
  /** Redis's clock. */
  readonly now: number;
}

const LUA = readFileSync(new URL('./gate.lua', import.meta.url), 'utf8');
const QUEUE_KEYS = ['meta', 'marker', 'events', 'wait', 'prioritized', 'delayed', 'paused'] as const;

/** `follow` brings the queue in line with the circuit, `look` changes nothing. */
export type GateScript = (mode: 'follow' | 'look') => Promise<GatePicture>;

export function createGateScript(redis: Redis, namespace: string, options: GateOptions): GateScript {
  const keys = circuitKeys(namespace, eventStreamKey(namespace));
  const script = redisScript<[reasons: string, dueMs: string, now: string]>(
    redis,
    machineScript(options.circuit, keys.channel) + LUA,
  );
  const queue = QUEUE_KEYS.map((name) => `${queuePrefix(namespace)}:${QUEUE_NAME}:${name}`);
  const { eventBacklogMax, fleetConcurrency, rampStepMs } = options;
  return async (mode) => {
    const [reasons, dueMs, now] = await script(
      [...keys.machine, ...queue],
      [eventBacklogMax, fleetConcurrency, rampStepMs, mode],
    );
    const named = reasons.split(',');
    return {
      reasons: PAUSE_REASONS.filter((reason) => named.includes(reason)),
      dueMs: dueMs === '' ? Number.POSITIVE_INFINITY : Number(dueMs),
      now: Number(now),
    };
  };
}

/** Why the queue is paused, read without changing anything. */
export async function readPause(
  redis: Redis,
  namespace: string,
  options: GateOptions,
): Promise<readonly PauseReason[]> {
  return (await createGateScript(redis, namespace, options)('look')).reasons;
}
