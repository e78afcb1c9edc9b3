import { type Job, type Processor, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { KEEP_FINISHED_S } from './finished-jobs.ts';
import { finishingTogether } from './finishing.ts';
import { QUEUE_NAME, queuePrefix } from './queue.ts';
import { backoffStrategy } from './settle.ts';
import type { WorkerSelf } from './worker-self.ts';

/** Pulls jobs from the queue and runs each through the processor. */
export interface Consumer {
  start(): void;
  /** How many jobs it may have at a time from now on; 0: it fetches none. */
  allow(slots: number): void;
  /** Takes no more jobs; after `timeoutMs` the calls still in flight are cut off and handed back. */
  drain(timeoutMs: number): Promise<void>;
}

interface ConsumerDeps {
  readonly redis: Redis;
  readonly namespace: string;
  /** Kept up to date: how many jobs it has, and whether it takes any. */
  readonly self: WorkerSelf;
  /** So many finished jobs stay in the queue, and none longer than a day. */
  readonly completedMax: number;
  readonly process: Processor;
}

/** A lock renews itself while its process lives, so a slow call keeps it and a killed worker's jobs are soon back. */
const LOCK_MS = 6_000;
const STALL_CHECK_MS = 3_000;
/** BullMQ would fail the job past our processor, and past its policy; the processor counts restarts itself. */
const NEVER_STALLED_OUT = 1_000_000_000;

export function createConsumer(deps: ConsumerDeps): Consumer {
  const { redis, namespace, self, completedMax, process } = deps;
  const cutOff = new AbortController();
  const worker = new AskingWorker(
    QUEUE_NAME,
    counted(process, self, cutOff.signal),
    {
      connection: redis,
      prefix: queuePrefix(namespace),
      concurrency: self.slots,
      lockDuration: LOCK_MS,
      stalledInterval: STALL_CHECK_MS,
      maxStalledCount: NEVER_STALLED_OUT,
      removeOnComplete: { age: KEEP_FINISHED_S, count: completedMax },
      settings: { backoffStrategy },
      autorun: false,
    },
    finishingTogether(redis),
  );
  worker.on('error', (error) => tell('queue-failed', { error: errorMessage(error) }));
  worker.on('stalled', (jobId) => tell('job-stalled', { jobId }));
  return {
    start() {
      self.takesJobs = true;
      worker.run().catch((error: unknown) => {
        tell('consumer-ended', { error: errorMessage(error) });
      });
    },
    allow(slots) {
      if (slots > 0) worker.concurrency = slots;
      if (slots > 0 === worker.isPaused()) setPaused(worker, slots === 0);
    },
    async drain(timeoutMs) {
      self.takesJobs = false;
      const deadline = setTimeout(() => cutOff.abort(), timeoutMs);
      await worker.close();
      clearTimeout(deadline);
    },
  };
}

/** Tells when it asks: of one that has nothing to do, and one that hangs, BullMQ tells the same, which is nothing. */
class AskingWorker extends Worker {
  protected override moveToActive(token: string, name?: string): Promise<Job> {
    tell('jobs-asked-for', {});
    return super.moveToActive(token, name);
  }
}

/** Two parameters: to a function of three, BullMQ would give a signal of each job's own, which costs more than its use. */
function counted(process: Processor, self: WorkerSelf, cutOff: AbortSignal): Processor {
  return async (job, token) => {
    self.busy += 1;
    try {
      const result: unknown = await process(job, token, cutOff);
      return result;
    } finally {
      self.busy -= 1;
      tell('job-ended', { jobId: job.id ?? '' });
    }
  };
}

/** Of this worker alone; the jobs under way go on. */
function setPaused(worker: Worker, paused: boolean): void {
  const done = paused ? worker.pause(true) : Promise.resolve(worker.resume());
  done.catch((error: unknown) => tell('consumer-failed', { error: errorMessage(error) }));
}
