import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { EnqueuedState } from '../producer/enqueued.ts';
import { readStates } from '../producer/known-jobs.ts';

/** Undefined: BullMQ has no such job. */
export async function stateOf(redis: Redis, queue: Queue, id: string): Promise<EnqueuedState | undefined> {
  if ((await redis.exists(queue.toKey(id))) === 0) return undefined;
  return (await readStates(redis, queue.toKey, [id], new Set())).get(id);
}
