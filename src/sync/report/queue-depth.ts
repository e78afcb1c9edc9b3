import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { eventStreamKey } from '../../events/event.ts';
import { QUEUE_NAME, queuePrefix } from '../queue.ts';

/** How much there is in the queue, in jobs. */
export interface QueueDepth {
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly failed: number;
  /** Rows of the event log that wait for Postgres. */
  readonly unwritten: number;
  /** When the oldest job that is due was enqueued, ms; null: none is due. */
  readonly oldestDueAt: number | null;
}

const LUA = readFileSync(new URL('./queue-depth.lua', import.meta.url), 'utf8');
const LISTS = ['wait', 'prioritized', 'delayed', 'active', 'failed'] as const;

/** As queue-depth.lua returns it. */
type DepthReply = [
  waiting: number,
  delayed: number,
  active: number,
  failed: number,
  unwritten: number,
  oldest: string,
];

/** One command. */
export function createDepthReader(redis: Redis, namespace: string): () => Promise<QueueDepth> {
  const read = redisScript<DepthReply>(redis, LUA);
  const prefix = `${queuePrefix(namespace)}:${QUEUE_NAME}:`;
  const keys = [...LISTS.map((list) => `${prefix}${list}`), eventStreamKey(namespace)];
  return async () => {
    const [waiting, delayed, active, failed, unwritten, oldest] = await read(keys, [prefix]);
    return {
      waiting,
      delayed,
      active,
      failed,
      unwritten,
      oldestDueAt: oldest === '' ? null : Number(oldest),
    };
  };
}
