import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { Circuit } from '../circuit/circuit.ts';
import { circuitKeys } from '../circuit/keys.ts';
import type { CircuitOptions } from '../circuit/options.ts';
import { machineScript } from '../circuit/scripts.ts';
import type { HealthEnding } from '../circuit/types.ts';
import type { ConexxusClient } from '../conexxus/client.ts';
import type { HealthAnswer } from '../conexxus/health.ts';
import { errorMessage } from '../errors.ts';
import { eventStreamKey } from '../events/event.ts';
import type { Logger } from '../logger.ts';
import { redisScript } from '../redis.ts';
import { QUEUE_NAME } from './queue.ts';

/** Keeps the queue as the circuit wants it. Every worker process runs one; none is special. */
export interface Gate {
  /** Brings the queue in line with the circuit now; why it is paused, if it is. */
  follow(): Promise<readonly PauseReason[]>;
  /** Resolves when the circuit moves, after `waitMs`, or when `signal` aborts. */
  nextMove(waitMs: number, signal: AbortSignal): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** `operator`: a person paused the queue. `events`: too many rows wait for Postgres. */
export type PauseReason = (typeof PAUSE_REASONS)[number];

const PAUSE_REASONS = ['open', 'health', 'hold', 'cooldown', 'events', 'operator'] as const;

export interface GateOptions {
  readonly circuit: CircuitOptions;
  readonly eventBacklogMax: number;
  readonly fleetConcurrency: number;
  readonly rampStepMs: number;
}

interface GateDeps {
  readonly redis: Redis;
  /** A connection of its own: a subscribed one can do nothing else. */
  readonly subscriber: Redis;
  readonly namespace: string;
  readonly circuit: Circuit;
  readonly client: Pick<ConexxusClient, 'health'>;
  readonly options: GateOptions;
  readonly logger: Logger;
}

/** A process that dies between a transition and the pause is made good by another within this time. */
const CHECK_MS = 1_000;
/** Of the health call. */
export const HEALTH_TIMEOUT_MS = 5_000;
const CLOCK_SKEW_MAX_MS = 5_000;

export function createGate(deps: GateDeps): Gate {
  const { redis, subscriber, namespace, circuit, client, options, logger } = deps;
  const runScript = gateScript(redis, namespace, options);
  const channel = circuitKeys(namespace, eventStreamKey(namespace)).channel;
  const moves = new EventEmitter().setMaxListeners(0);
  const warnOfSkew = skewWarner(logger);
  let timer: NodeJS.Timeout | undefined;
  let checking: Promise<void> | undefined;
  let checkAgain = false;
  const stopping = new AbortController();

  async function follow(): Promise<{ reasons: readonly PauseReason[]; dueMs: number }> {
    const picture = await runScript('follow');
    warnOfSkew(picture.now);
    return picture;
  }

  async function check(): Promise<void> {
    let dueMs = CHECK_MS;
    try {
      const picture = await follow();
      dueMs = Math.min(CHECK_MS, picture.dueMs);
      if (picture.reasons.includes('health')) await makeHealthCall();
    } catch (error) {
      logger.error({ error: errorMessage(error) }, 'the gate could not follow the circuit');
    }
    if (!stopping.signal.aborted) timer = setTimeout(requestCheck, dueMs);
  }

  /** The first trial of a half-open circuit, made by whichever process gets the lease. */
  async function makeHealthCall(): Promise<void> {
    const permission = await circuit.beginHealth();
    if (permission === null) return;
    const answer = await client.health({ timeoutMs: HEALTH_TIMEOUT_MS, signal: stopping.signal });
    // Cut off by our own shutdown: the lease runs out and another process makes the call.
    if (stopping.signal.aborted) return;
    logger.info({ answer }, 'health call made');
    const retryAfterMs = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
    await circuit.endHealth(permission, endingOf(answer), retryAfterMs);
  }

  /** One check at a time; whatever moved during one is looked at by the next. */
  function requestCheck(): void {
    if (stopping.signal.aborted) return;
    if (checking) {
      checkAgain = true;
      return;
    }
    clearTimeout(timer);
    checking = check().finally(() => {
      checking = undefined;
      if (checkAgain) {
        checkAgain = false;
        requestCheck();
      }
    });
  }

  return {
    follow: async () => (await follow()).reasons,
    async nextMove(waitMs, signal) {
      const waited = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, waitMs))]);
      await once(moves, 'move', { signal: waited }).catch(() => undefined);
    },
    async start() {
      subscriber.on('message', () => {
        moves.emit('move');
        requestCheck();
      });
      // After a reconnect messages were missed.
      subscriber.on('ready', requestCheck);
      await subscriber.subscribe(channel);
      requestCheck();
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await checking;
    },
  };
}

/** Why the queue is paused, read without changing anything. */
export async function readPause(
  redis: Redis,
  namespace: string,
  options: GateOptions,
): Promise<readonly PauseReason[]> {
  return (await gateScript(redis, namespace, options)('look')).reasons;
}

interface GatePicture {
  readonly reasons: readonly PauseReason[];
  /** Until something changes by itself. */
  readonly dueMs: number;
  /** Redis's clock. */
  readonly now: number;
}

function gateScript(redis: Redis, namespace: string, options: GateOptions) {
  const keys = circuitKeys(namespace, eventStreamKey(namespace));
  const lua = readFileSync(new URL('./gate.lua', import.meta.url), 'utf8');
  const script = redisScript<[reasons: string, dueMs: string, now: string]>(
    redis,
    machineScript(options.circuit, keys.channel) + lua,
  );
  const queue = ['meta', 'marker', 'events', 'wait', 'prioritized', 'delayed', 'paused'].map(
    (name) => `{${namespace}}:${QUEUE_NAME}:${name}`,
  );
  const { eventBacklogMax, fleetConcurrency, rampStepMs } = options;
  return async (mode: 'follow' | 'look'): Promise<GatePicture> => {
    const [reasons, dueMs, now] = await script(
      [...keys.machine, ...queue],
      [eventBacklogMax, fleetConcurrency, rampStepMs, mode],
    );
    return {
      reasons: PAUSE_REASONS.filter((reason) => reasons.split(',').includes(reason)),
      dueMs: dueMs === '' ? Number.POSITIVE_INFINITY : Number(dueMs),
      now: Number(now),
    };
  };
}

function endingOf({ kind }: HealthAnswer): HealthEnding {
  switch (kind) {
    case 'ok':
    // No health endpoint: the jobs themselves will tell.
    case 'unsupported':
      return 'healthy';
    case 'rate_limited':
      return 'rate-limited';
    case 'misconfigured':
      return 'misconfigured';
    case 'failed':
      return 'failed';
  }
}

/** BullMQ's delays use the process's clock, so a process far from Redis's runs delayed jobs at the wrong time. */
function skewWarner(logger: Logger): (redisNow: number) => void {
  let skewed = false;
  return (redisNow) => {
    const skewMs = Date.now() - redisNow;
    const isSkewed = Math.abs(skewMs) > CLOCK_SKEW_MAX_MS;
    if (isSkewed && !skewed) {
      logger.warn(
        { skewMs },
        "this machine's clock differs from Redis's: delayed jobs run at the wrong time",
      );
    }
    skewed = isSkewed;
  };
}
