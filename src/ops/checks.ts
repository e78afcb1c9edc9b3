import type { Redis } from 'ioredis';
import type { Database } from '../base/database.ts';
import { takesWrites } from '../base/redis-writes.ts';
import type { Spool } from '../events/spool.ts';
import type { Check, Finding } from './readiness.ts';

export const OK: Finding = { status: 'ok' };
const NO_CONNECTION = failed('no connection to Redis');

export function failed(reason: string): Finding {
  return { status: 'failed', reason };
}

export function degraded(reason: string): Finding {
  return { status: 'degraded', reason };
}

/** Whether Redis takes a write: no process does anything without it. */
export function redisCheck(redis: Redis, namespace: string): Check {
  return {
    needed: true,
    async look() {
      if (redis.status !== 'ready') return NO_CONNECTION;
      await takesWrites(redis, namespace);
      return OK;
    },
  };
}

/** Whether this Postgres takes writes, as a primary does that is not told otherwise. */
export function postgresCheck(database: Pick<Database, 'write'>, { needed }: Pick<Check, 'needed'>): Check {
  return { needed, look: () => database.write(() => Promise.resolve(OK)) };
}

/** Whether outcomes still have room in Redis: at the limit the queue is paused. */
export function backlogCheck(
  redis: Redis,
  spool: Pick<Spool, 'backlog'>,
  { max, needed }: { readonly max: number } & Pick<Check, 'needed'>,
): Check {
  return {
    needed,
    async look() {
      if (redis.status !== 'ready') return NO_CONNECTION;
      const backlog = await spool.backlog();
      if (backlog < max) return OK;
      return failed(`${backlog} rows wait for Postgres: from ${max} on the queue is paused`);
    },
  };
}
