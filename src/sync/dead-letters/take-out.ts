import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { IS_IN_DOUBT } from '../../circuit/claims.ts';
import type { SyncEvent } from '../../events/event.ts';
import { readScript } from './job-transaction.ts';

interface Leaving {
  readonly jobId: string;
  readonly from: 'failed' | 'delayed';
  /** Logged with it. */
  readonly event: SyncEvent;
  /** Redis key of the outcome stream. */
  readonly eventStream: string;
  /** Redis key of its payload's claim: then it stays while a try of the payload has no known end. */
  readonly claim?: string;
}

const LUA = IS_IN_DOUBT + readScript('take-out');

/**
 * True: it was in that set still, and is gone with its event. Of many who ask at once exactly one gets true.
 * `queue`: over the same connection.
 */
export function createTakeOut(redis: Redis, queue: Queue) {
  const script = redisScript<0 | 1>(redis, LUA);
  const key = (name: string) => queue.toKey(name);
  return async ({ jobId, from, event, eventStream, claim = key('no-claim') }: Leaving): Promise<boolean> => {
    const keys = [key(from), key(jobId), eventStream, key('events'), claim];
    return (await script(keys, [jobId, JSON.stringify(event), from])) === 1;
  };
}
