import type { Redis } from 'ioredis';
import { jobKey } from '../queue.ts';

/**
 * How often people brought the job back, kept as a field of BullMQ's job hash, so that it goes with the
 * job. It tells the next death of the same job apart from the last one.
 */
export const REPLAYS = 'replays';

export async function readReplays(redis: Redis, namespace: string, jobId: string): Promise<number> {
  return Number((await redis.hget(jobKey(namespace, jobId), REPLAYS)) ?? 0);
}
