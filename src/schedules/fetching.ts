import { parseJob, type SyncJob } from '../sync/jobs/jobs.ts';
import type { Schedule } from './times.ts';

/** Puts `fetch_inventory` into the queue; while the last one of the store waits there, it is that one. */
export function fetchingWith(enqueue: (job: SyncJob) => Promise<unknown>) {
  return async ({ locationId }: Schedule): Promise<void> => {
    const parsed = parseJob('fetch_inventory', { locationId });
    if (!parsed.ok) throw new Error('the store of a schedule has no name');
    await enqueue(parsed.job);
  };
}
