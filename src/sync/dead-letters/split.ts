import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { claimKey } from '../../circuit/keys.ts';
import { eventStreamKey, type SyncEvent } from '../../events/event.ts';
import { createTakeOut } from './take-out.ts';

interface Splitting {
  /** Also the sync key of its payload. */
  readonly jobId: string;
  /** `delayed`: it fails again and again, each time with a whole answer. */
  readonly from: 'failed' | 'delayed';
  /** `splitEvent` of it. */
  readonly event: SyncEvent;
}

interface SplitDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
}

/**
 * Takes a batch out of the queue, whose halves are to be sent instead. True: it was in that set still, and is gone
 * with its event. False: nothing was done, since a person replayed or discarded it, or it is under way again; or it
 * is delayed, and the end of a try is unknown by now, so that a half of it could be the same sales a second time.
 * Asked again after a lost answer it is false too, though it was done: then the event log knows of the split.
 */
export function createSplitOut({ redis, queue, namespace }: SplitDeps) {
  const takeOut = createTakeOut(redis, queue);
  const eventStream = eventStreamKey(namespace);
  return (splitting: Splitting): Promise<boolean> => {
    const leaving = { ...splitting, eventStream };
    // Dead, it goes in doubt or not: nobody would ever learn more of it.
    if (splitting.from === 'failed') return takeOut(leaving);
    return takeOut({ ...leaving, claim: claimKey(namespace, splitting.jobId) });
  };
}
