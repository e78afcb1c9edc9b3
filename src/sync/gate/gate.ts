import { EventEmitter, once } from 'node:events';
import type { Redis } from 'ioredis';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Circuit } from '../../circuit/circuit.ts';
import { circuitKeys } from '../../circuit/keys.ts';
import type { ConexxusClient } from '../../conexxus/client.ts';
import { eventStreamKey } from '../../events/event.ts';
import { createGateScript, type GateOptions, type GatePicture, type PauseReason } from './gate-script.ts';
import { makeHealthCall } from './health-call.ts';
import { createHeartbeat } from './heartbeat.ts';

/** Keeps the queue as the circuit wants it. Every worker process runs one; none is special. */
export interface Gate {
  /** Brings the queue in line with the circuit now; why it is paused, if it is. */
  follow(): Promise<readonly PauseReason[]>;
  /** Resolves when the circuit moves, after `waitMs`, or when `signal` aborts. */
  nextMove(waitMs: number, signal: AbortSignal): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
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
const CLOCK_SKEW_MAX_MS = 5_000;

export function createGate(deps: GateDeps): Gate {
  const { redis, subscriber, namespace, options, logger } = deps;
  const script = createGateScript(redis, namespace, options);
  const moves = new EventEmitter().setMaxListeners(0);
  const warnOfSkew = skewWarner(logger);
  const stopping = new AbortController();
  const heartbeat = createHeartbeat(check);

  async function follow(): Promise<GatePicture> {
    const picture = await script('follow');
    warnOfSkew(picture.now);
    return picture;
  }

  async function check(): Promise<number> {
    try {
      const { reasons, dueMs } = await follow();
      if (reasons.includes('health')) await makeHealthCall(deps, stopping.signal);
      return Math.min(CHECK_MS, dueMs);
    } catch (error) {
      logger.error({ error: errorMessage(error) }, 'the gate could not follow the circuit');
      return CHECK_MS;
    }
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
        heartbeat.beat();
      });
      // After a reconnect messages were missed.
      subscriber.on('ready', () => heartbeat.beat());
      await subscriber.subscribe(circuitKeys(namespace, eventStreamKey(namespace)).channel);
      heartbeat.beat();
    },
    async stop() {
      stopping.abort();
      await heartbeat.stop();
    },
  };
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
