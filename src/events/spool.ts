import type { Redis } from 'ioredis';
import { eventStreamKey, type SyncEvent } from './event.ts';

export interface Spool {
  /** Puts an event into the outcome stream, stamped with the Redis clock. Works at `maxmemory` too. */
  append(event: SyncEvent): Promise<void>;
  /** How many events are not in Postgres yet. */
  backlog(): Promise<number>;
}

/**
 * KEYS[1]: the outcome stream.
 * ARGV[1]: the event as JSON.
 * Returns the id of the new entry.
 * Promises to append also at `maxmemory`, where Redis refuses only a script whose first write may grow:
 * so it begins by deleting an entry that never exists.
 */
const APPEND = `
redis.call('XDEL', KEYS[1], '0-1')
local now = redis.call('TIME')
local at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
return redis.call('XADD', KEYS[1], '*', 'event', ARGV[1], 'at', at)
`;

export function createSpool({ redis, namespace }: { redis: Redis; namespace: string }): Spool {
  const key = eventStreamKey(namespace);
  return {
    async append(event) {
      await redis.eval(APPEND, 1, key, JSON.stringify(event));
    },
    backlog: () => redis.xlen(key),
  };
}
