import { type Processor, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { KEEP_FINISHED_S } from './finished-jobs.ts';
import { QUEUE_NAME, queuePrefix } from './queue.ts';
import { backoffStrategy } from './settle.ts';

/** Pulls jobs from the queue and runs each through the processor. */
export interface Consumer {
  start(): void;
  /** Takes no more jobs; after `timeoutMs` the calls still in flight are cut off and handed back. */
  drain(timeoutMs: number): Promise<void>;
}

interface ConsumerDeps {
  readonly redis: Redis;
  readonly namespace: string;
  readonly concurrency: number;
  /** So many finished jobs stay in the queue, and none longer than a day. */
  readonly completedMax: number;
  readonly process: Processor;
  readonly logger: Logger;
}

/** A lock renews itself while its process lives, so a slow call keeps it and a killed worker's jobs are soon back. */
const LOCK_MS = 6_000;
const STALL_CHECK_MS = 3_000;
/** BullMQ would fail the job past our processor, and past its policy; the processor counts restarts itself. */
const NEVER_STALLED_OUT = 1_000_000_000;

export function createConsumer(deps: ConsumerDeps): Consumer {
  const { redis, namespace, concurrency, completedMax, process, logger } = deps;
  const worker = new Worker(QUEUE_NAME, process, {
    connection: redis,
    prefix: queuePrefix(namespace),
    concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALL_CHECK_MS,
    maxStalledCount: NEVER_STALLED_OUT,
    removeOnComplete: { age: KEEP_FINISHED_S, count: completedMax },
    settings: { backoffStrategy },
    autorun: false,
  });
  worker.on('error', (error) => logger.error({ error: errorMessage(error) }, 'queue error'));
  worker.on('stalled', (jobId) => logger.warn({ jobId }, 'its worker died or froze: the job runs again'));
  return {
    start() {
      worker.run().catch((error: unknown) => {
        logger.fatal({ error: errorMessage(error) }, 'the worker stopped pulling jobs');
      });
    },
    async drain(timeoutMs) {
      const deadline = setTimeout(() => worker.cancelAllJobs('shutdown'), timeoutMs);
      await worker.close();
      clearTimeout(deadline);
    },
  };
}
