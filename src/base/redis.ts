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

/** A script that is called many times in one turn of the event loop. */
export interface BatchedScript {
  /** Lua that all calls begin with, once for all of them. It knows no KEYS and no ARGV. */
  readonly prelude: string;
  /** Lua of one call, with KEYS and ARGV of its own; ends in its reply. */
  readonly step: string;
  /** What the KEYS of every call begin with. */
  readonly sharedKeys: readonly string[];
  /** How many of its own a call has. */
  readonly ownKeys: number;
  readonly args: number;
}

interface Call {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Redis answers a command when all of it is done: so that those who asked first go on while it decides on the others, and
 * no other client waits long for its turn.
 */
const CALLS_MAX = 25;

/**
 * The script as a function of one call's own keys and arguments. Calls of one turn of the event loop go as one command:
 * one after the other, each by itself, and where one fails, it alone. `Reply` is what the contract header of `step` says.
 */
export function batchedScript<Reply>(redis: Redis, script: BatchedScript): RedisScript<Reply> {
  const { sharedKeys } = script;
  const run = redisScript<unknown[]>(redis, batchText(script));
  let waiting: Call[] = [];

  function send(): void {
    const calls = waiting;
    waiting = [];
    for (let from = 0; from < calls.length; from += CALLS_MAX)
      void settle(calls.slice(from, from + CALLS_MAX));
  }

  async function settle(calls: readonly Call[]): Promise<void> {
    try {
      const keys = [...sharedKeys];
      const args: (string | number)[] = [];
      // In place of two `flatMap`, each of which costs as much as the rest of a call does.
      for (const call of calls) {
        keys.push(...call.keys);
        args.push(...call.args);
      }
      const replies = await run(keys, args);
      for (const [place, { resolve, reject }] of calls.entries()) {
        const reply = replies[place];
        if (reply instanceof Error) reject(reply);
        else resolve(reply);
      }
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }

  const call: RedisScript<unknown> = (keys, args) =>
    new Promise((resolve, reject) => {
      // At the end of the turn, when all that came in with it has been heard.
      if (waiting.length === 0) setImmediate(send);
      waiting.push({ keys, args, resolve, reject });
    });
  // The script is ours: its header is the source of the type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return call as RedisScript<Reply>;
}

function batchText({ prelude, step, sharedKeys, ownKeys, args }: BatchedScript): string {
  return `${prelude}
local function step(KEYS, ARGV)
${step}
end

local replies = {}
for call = 0, (#KEYS - ${sharedKeys.length}) / ${ownKeys} - 1 do
  local keys = { unpack(KEYS, 1, ${sharedKeys.length}) }
  for own = 1, ${ownKeys} do
    keys[${sharedKeys.length} + own] = KEYS[${sharedKeys.length} + call * ${ownKeys} + own]
  end
  local done, reply = pcall(step, keys, { unpack(ARGV, call * ${args} + 1, (call + 1) * ${args}) })
  -- Redis 6 gives a text where later ones give a table.
  replies[call + 1] = (done or type(reply) == 'table') and reply or { err = tostring(reply) }
end
return replies
`;
}
