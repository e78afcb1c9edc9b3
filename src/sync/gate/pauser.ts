import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** What stands in the queue's `meta` while it is paused: BullMQ's own word for a person's pause, or the gate's. */
export const PAUSED_BY_CIRCUIT = 'circuit';
const PAUSED_BY_A_PERSON = '1';

/** Field of the queue's `meta` beside BullMQ's `paused`: the person who last paused it here. */
export const PAUSED_BY = 'pausedBy';

/** The person who paused the queue, if one did and did it here. */
export async function readPauser(redis: Redis, queue: Queue): Promise<string | null> {
  const [paused, pausedBy] = await redis.hmget(queue.toKey('meta'), 'paused', PAUSED_BY);
  return paused === PAUSED_BY_A_PERSON ? (pausedBy ?? null) : null;
}
