import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { PostedJob } from '../outbox/posted.ts';
import { entryOf } from '../sync/producer/enqueuer.ts';
import type { Entry, JobAdder } from '../sync/producer/job-adder.ts';
import { queueError } from '../sync/producer/producer-errors.ts';
import { FIRST_JOBS, isJobList, type JobPlace, readPendingJobs } from '../sync/report/pending-jobs.ts';
import type { JobAnswer } from './contract.ts';
import { BadCursorError, BusyError } from './errors.ts';
import { createGatherer } from './gather.ts';
import { isoOf } from './times.ts';
import type { Trail } from './trail.ts';
import type { Way, Written } from './way.ts';

interface QueueWayDeps {
  readonly adder: JobAdder;
  /** Of its own, and failing fast: questions must not wait before sales. */
  readonly redis: Redis;
  /** Over that connection. */
  readonly queue: Queue;
  readonly trail: Trail;
}

/** Jobs that wait for Redis at most; some seconds' worth of its time. */
const WAITING_MAX = 10_000;

export function createQueueWay({ adder, redis, queue, trail }: QueueWayDeps): Way {
  const gatherer = createGatherer<Entry, Written>({
    write: (entries) => adder.add(entries),
    sizeOf: ({ json }) => json.length,
    isOfOneItem: () => false,
  });
  return {
    kind: 'queue',
    problems: () => [],
    async write(posted: readonly PostedJob[]) {
      if (gatherer.waiting() > WAITING_MAX) throw new BusyError('too much waits to be written to Redis');
      return gatherer.write(posted.map(({ job }) => entryOf(job)));
    },
    job: (jobId, locationIds) => readJob(trail, jobId, locationIds),
    async pending(locationIds, cursor) {
      const place = cursor === undefined ? FIRST_JOBS : placeOf(cursor);
      const { jobs, next } = await readPendingJobs(redis, queue, locationIds, place).catch(
        (error: unknown) => {
          throw queueError(error);
        },
      );
      return {
        pending: jobs.map(({ id, locationId, date, transactionIds, state, enqueuedAt }) => ({
          locationId: locationId ?? '',
          date,
          jobId: id,
          transactionIds: [...transactionIds],
          state,
          since: isoOf(enqueuedAt),
        })),
        next: next === null ? null : `${next.list}:${next.from}`,
      };
    },
  };
}

async function readJob(
  trail: Trail,
  jobId: string,
  locationIds: readonly string[],
): Promise<JobAnswer | undefined> {
  for (const locationId of locationIds) {
    const sales = await trail.salesOf({ id: jobId, locationId }, { isJob: true });
    for (const { date, jobs } of sales) {
      const job = jobs.find(({ id }) => id === jobId);
      if (job === undefined) continue;
      const { state, text, at } = job.answer;
      return { jobId, locationId, date, state, text, since: isoOf(at), sales: [] };
    }
  }
  return undefined;
}

function placeOf(cursor: string): JobPlace {
  const [list = '', from = ''] = cursor.split(':');
  if (!isJobList(list) || !/^\d{1,12}$/.test(from)) throw new BadCursorError('no cursor of ours');
  return { list, from: Number(from) };
}
