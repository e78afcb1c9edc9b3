import { createHash } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';

/**
 * How a connection behaves while Redis is away.
 * `patient`: commands wait for it to come back (workers). `fail-fast`: they fail within
 * `FAIL_FAST_MS`, and never run later behind the caller's back (producer, doctor, health checks).
 */
export type RedisTemper = 'patient' | 'fail-fast';

const FAIL_FAST_MS = 1_500;
const RECONNECT_MAX_MS = 1_000;
/**
 * A peer that is gone without a word is known by its silence: TCP itself would wait a quarter of an hour
 * for answers. Longer than any read that waits (BullMQ's: 10 s). Counts only while an answer is due.
 */
const SILENCE_MAX_MS = 15_000;
/** A connection that only listens asks for an answer from time to time. */
const PULSE_MS = 10_000;

/** The one place that makes a Redis connection, so that Sentinel and Cluster can come in here. */
export function connectRedis(url: string, temper: RedisTemper, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, temper === 'patient' ? patient() : failFast());
  // Without a listener ioredis prints to stderr by itself; what it prints would pass no redaction.
  redis.on('error', onError);
  if (temper === 'patient') keepPulse(redis);
  return redis;
}

function keepPulse(redis: Redis): void {
  const pulse = setInterval(() => {
    if (redis.status === 'ready') redis.ping().catch(() => undefined);
  }, PULSE_MS);
  pulse.unref();
  redis.once('end', () => clearInterval(pulse));
}

function patient() {
  return {
    // BullMQ refuses a worker connection that gives up on commands.
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_MAX_MS),
    reconnectOnError: isReadOnly,
    socketTimeout: SILENCE_MAX_MS,
  } satisfies RedisOptions;
}

function failFast() {
  return {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    commandTimeout: FAIL_FAST_MS,
    connectTimeout: FAIL_FAST_MS,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_MAX_MS),
    reconnectOnError: isReadOnly,
    socketTimeout: SILENCE_MAX_MS,
  } satisfies RedisOptions;
}

/** After a failover the old primary answers so: drop it and ask for the new one. Redis 6 wraps what a script meets. */
export function isReadOnly(error: Error): boolean {
  return /\bREADONLY\b/.test(error.message);
}

/** A Lua script as a function: one round trip, by its hash once Redis knows it. `Reply` is what its contract header says. */
export type RedisScript<Reply> = (
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<Reply>;

export function redisScript<Reply>(redis: Redis, lua: string): RedisScript<Reply> {
  const sha = createHash('sha1').update(lua).digest('hex');
  const run: RedisScript<unknown> = async (keys, args) => {
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(lua, keys.length, ...keys, ...args);
    }
  };
  // The script is ours: its header is the source of the type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return run as RedisScript<Reply>;
}
