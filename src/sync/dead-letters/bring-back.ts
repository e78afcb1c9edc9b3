import type { Queue } from 'bullmq';
import type { SyncEvent } from '../../events/event.ts';
import { readScript, transactWithBullMQ } from './job-transaction.ts';
import { REPLAYS } from './replays.ts';

interface Return {
  readonly jobId: string;
  readonly from: 'failed' | 'completed';
  /** Logged with it. */
  readonly event: SyncEvent;
  /** Redis key of the outcome stream. */
  readonly eventStream: string;
  /** Redis key of the delivered mark to forget. */
  readonly deliveredMark?: string;
}

const LUA = readScript('bring-back');

/**
 * A finished job back into the queue, behind those that wait, with a full retry budget. Of many who ask at
 * once exactly one gets true; false: it is not in that state any more.
 */
export async function bringBack(queue: Queue, { jobId, from, event, eventStream, ...more }: Return) {
  const key = (name: string) => queue.toKey(name);
  const finished = key(from);
  const deliveredMark = more.deliveredMark ?? key('no-mark');
  const backend = queue.getBackend();
  const ours = {
    lua: LUA,
    keys: [finished, key(jobId), eventStream, deliveredMark],
    args: [jobId, JSON.stringify(event), REPLAYS],
  };
  return transactWithBullMQ(queue, ours, {
    // What `job.retry(from, { resetAttemptsMade: true, resetAttemptsStarted: true })` runs.
    async add(transaction) {
      await backend.execCommand(transaction, 'reprocessJob', [
        key(jobId),
        key('events'),
        finished,
        ...['wait', 'meta', 'active', 'marker', 'prioritized', 'pc'].map(key),
        jobId,
        'LPUSH',
        from === 'failed' ? 'failedReason' : 'returnvalue',
        from,
        '1',
        '1',
      ]);
    },
    done: 1,
  });
}
