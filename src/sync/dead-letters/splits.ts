import type { Redis } from 'ioredis';
import { jobKey } from '../queue.ts';

/**
 * Said of a job whose payload is a batch of the relay's: `1`, kept as a field of BullMQ's job hash, so that it goes
 * with the job. Where it dies, with several transactions, the relay takes it out and sends its halves.
 */
export const SPLITS = 'splits';

export async function readToBeSplit(redis: Redis, namespace: string, jobId: string): Promise<boolean> {
  return (await redis.hget(jobKey(namespace, jobId), SPLITS)) === '1';
}
