import type { Redis } from 'ioredis';
import { eventStreamKey, type SyncEvent } from './event.ts';
import { APPEND } from './scripts.ts';

export interface Spool {
  /** Puts an event into the outcome stream, stamped with the Redis clock. Works at `maxmemory` too. */
  append(event: SyncEvent): Promise<void>;
  /** How many events are not in Postgres yet. */
  backlog(): Promise<number>;
}

export function createSpool({ redis, namespace }: { redis: Redis; namespace: string }): Spool {
  const key = eventStreamKey(namespace);
  return {
    async append(event) {
      await redis.eval(APPEND, 1, key, JSON.stringify(event));
    },
    backlog: () => redis.xlen(key),
  };
}
