import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { looker, type QueuedJob, readQueuedJobs } from './jobs-of-sale.ts';

/** In the order in which a job goes through them: what moves on meanwhile is met again, and none is missed. */
const LISTS = ['wait', 'prioritized', 'delayed', 'active'] as const;
type List = (typeof LISTS)[number];

/** Behind which a page begins. */
export interface JobPlace {
  readonly list: List;
  readonly from: number;
}

export interface PendingJobs {
  readonly jobs: readonly QueuedJob[];
  /** Null: it was the last one. */
  readonly next: JobPlace | null;
}

export const FIRST_JOBS: JobPlace = { list: 'wait', from: 0 };

export function isJobList(text: string): text is List {
  return LISTS.some((list) => list === text);
}

/**
 * The next jobs of these stores that are not finished. It looks at some hundreds, of all stores: a page may be empty and
 * not the last one.
 */
export async function readPendingJobs(
  redis: Redis,
  queue: Queue,
  locationIds: readonly string[],
  { list, from }: JobPlace,
): Promise<PendingJobs> {
  const [seen, ids] = await looker(redis, queue, 'locationId', locationIds)(list, from);
  const jobs = await readQueuedJobs(redis, queue, ids);
  const following = LISTS[LISTS.indexOf(list) + 1];
  const next =
    seen > 0 ? { list, from: from + seen } : following === undefined ? null : { list: following, from: 0 };
  return { jobs: jobs.filter((job) => isPendingOf(job, locationIds)), next };
}

function isPendingOf({ state, locationId }: QueuedJob, locationIds: readonly string[]): boolean {
  if (locationId === null || !locationIds.includes(locationId)) return false;
  return state !== 'completed' && state !== 'failed';
}
