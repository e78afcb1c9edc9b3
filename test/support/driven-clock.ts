import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** The only place where the circuit's scripts read the time. */
const TIME = "redis.call('TIME')";

/** A client whose scripts read the test's clock. */
interface DrivenClient {
  readonly redis: Redis;
  /** Number of the latest script call; the journal names calls by it. */
  readonly lastCall: () => number;
}

/** One clock for every connection of a namespace; its times are ms. */
export interface DrivenClock {
  readonly now: () => number;
  readonly set: (ms: number) => Promise<void>;
  /** Adds to the clock within Redis, so that several connections can drive it at once. */
  readonly pass: (ms: number) => Promise<void>;
  readonly drive: (redis: Redis) => DrivenClient;
  /** Where journaling is on: every script run, in the order of Redis, by call number and time. */
  readonly journal: () => Promise<{ call: number; now: number }[]>;
}

/**
 * Drives the scripts' clock without any hook in them: the Lua text is rewritten on its way to Redis,
 * so that it reads a key where it read `TIME`. Each call carries its number as one more argument,
 * which no script looks at.
 */
export function drivenClock(
  control: Redis,
  namespace: string,
  { start, journal = false }: { start: number; journal?: boolean },
): DrivenClock {
  const clockKey = `{${namespace}}:test:clock`;
  const journalKey = `{${namespace}}:test:journal`;
  let now = start;
  let calls = 0;
  const rewritten = new Map<string, string>();
  const note = `redis.call('RPUSH', '${journalKey}', ARGV[#ARGV] .. ' ' .. string.format('%.0f', now))`;
  const clockLua = `(function()
    local now = tonumber(redis.call('GET', '${clockKey}'))
    ${journal ? note : ''}
    return { math.floor(now / 1000), now % 1000 * 1000 }
  end)()`;

  function rewrite(lua: string): string {
    const parts = lua.split(TIME);
    if (parts.length !== 2) throw new Error(`Expected one ${TIME} in the script, found ${parts.length - 1}.`);
    return parts.join(clockLua);
  }

  function drive(redis: Redis): DrivenClient {
    let last = 0;
    const call = () => {
      last = calls += 1;
      return String(last);
    };
    const evalsha = (sha: string, ...rest: string[]) => {
      const driven = rewritten.get(sha);
      if (driven === undefined) return Promise.reject(new Error('NOSCRIPT: not rewritten yet'));
      return redis.call('EVALSHA', driven, ...rest, call());
    };
    const evaluate = (lua: string, ...rest: string[]) => {
      const driven = rewrite(lua);
      rewritten.set(sha1(lua), sha1(driven));
      return redis.call('EVAL', driven, ...rest, call());
    };
    const proxy = new Proxy(redis, {
      get(target, property) {
        if (property === 'evalsha') return evalsha;
        if (property === 'eval') return evaluate;
        return Reflect.get(target, property, target);
      },
    });
    return { redis: proxy, lastCall: () => last };
  }

  return {
    now: () => now,
    drive,
    async set(ms) {
      now = ms;
      await control.set(clockKey, ms);
    },
    async pass(ms) {
      now = await control.incrby(clockKey, ms);
    },
    async journal() {
      const entries = await control.lrange(journalKey, 0, -1);
      return entries.map((entry) => {
        const [call, at] = entry.split(' ').map(Number);
        if (call === undefined || at === undefined) throw new Error(`Not a journal entry: ${entry}`);
        return { call, now: at };
      });
    },
  };
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
