import { type JobName, parseJob, type SyncJob } from '../jobs/jobs.ts';
import type { FetchInventory, PushSales } from '../jobs/payload.ts';
import { type Problem, problemOfNth } from '../jobs/problems.ts';
import { createEnqueuer } from './enqueuer.ts';
import type { Enqueued } from './job-adder.ts';
import { InvalidOptionsError, InvalidPayloadError, QueueUnavailableError } from './producer-errors.ts';

export interface SyncProducerOptions {
  /** `redis://` or `rediss://`. */
  readonly redisUrl: string;
  /** Which fleet's queue. Default: `conexxus`. */
  readonly namespace?: string;
  /**
   * Hears connection errors, for the log: the connection mends itself, and what it means to a call is
   * the call's own error. Nothing is printed.
   */
  readonly onError?: (error: Error) => unknown;
}

/**
 * Enqueues sync jobs. Every call ends within two seconds of Redis being away, and works again when it is
 * back. To repeat a call that failed is always safe: the same content is the same job.
 */
export interface SyncProducer {
  /**
   * @throws InvalidPayloadError with all problems: nothing was enqueued.
   * @throws QueueUnavailableError, QueueFullError: enqueue it again later.
   */
  pushSales(data: PushSales): Promise<Enqueued>;
  /**
   * As `pushSales` for many in few round trips; results in the order of the list. If one payload is not
   * valid, none is enqueued. If Redis fails in the middle, the first ones may have been.
   */
  pushSalesMany(list: readonly PushSales[]): Promise<Enqueued[]>;
  /** Asks for the catalog. `known` while an earlier request for the location is unfinished. */
  fetchInventory(data: FetchInventory): Promise<Enqueued>;
  /** Lets calls under way end and disconnects. May be called twice. */
  close(): Promise<void>;
}

/** @throws InvalidOptionsError. Does not wait for the connection. */
export function createSyncProducer(options: SyncProducerOptions): SyncProducer {
  const { redisUrl, namespace = 'conexxus', onError = () => undefined } = options;
  checkOptions(redisUrl, namespace);
  const enqueuer = createEnqueuer({ redisUrl, namespace, onError });

  async function enqueueOne(name: JobName, data: unknown): Promise<Enqueued> {
    const parsed = parseJob(name, data);
    if (!parsed.ok) throw new InvalidPayloadError(parsed.problems, parsed.more);
    const [result] = await enqueuer.enqueue([parsed.job]);
    if (result === undefined) throw new QueueUnavailableError('The queue gave no answer');
    return result;
  }

  return {
    async pushSales(data) {
      return enqueueOne('push_sales', data);
    },
    async pushSalesMany(list) {
      return enqueuer.enqueue(jobsOf(list));
    },
    async fetchInventory(data) {
      return enqueueOne('fetch_inventory', data);
    },
    close() {
      return enqueuer.close();
    },
  };
}

function checkOptions(redisUrl: string, namespace: string): void {
  if (!/^rediss?:\/\//.test(redisUrl)) {
    throw new InvalidOptionsError('redisUrl must start with redis:// or rediss://');
  }
  if (!/^[^{}\s]+$/.test(namespace)) {
    throw new InvalidOptionsError('namespace must be a word without braces');
  }
}

function jobsOf(list: readonly unknown[]): SyncJob[] {
  const jobs: SyncJob[] = [];
  const problems: Problem[] = [];
  let more = 0;
  for (const [index, data] of list.entries()) {
    const parsed = parseJob('push_sales', data);
    if (parsed.ok) jobs.push(parsed.job);
    else {
      problems.push(...parsed.problems.map((problem) => problemOfNth(index, problem)));
      more += parsed.more;
    }
  }
  if (problems.length > 0) throw new InvalidPayloadError(problems, more);
  return jobs;
}
