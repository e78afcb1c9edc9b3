import { type JobName, parseJob, type SyncJob } from '../jobs/jobs.ts';
import { type Problem, problemOfNth } from '../jobs/problems.ts';
import type { FetchInventory, PushSales } from '../jobs/push-sales.ts';
import type { Enqueued } from './enqueued.ts';
import { createEnqueuer } from './enqueuer.ts';
import { InvalidOptionsError, InvalidPayloadError, QueueUnavailableError } from './producer-errors.ts';

/**
 * Where the queue is.
 *
 * @example
 * ```ts
 * import type { SyncProducerOptions } from 'conexxus-sync';
 *
 * const options: SyncProducerOptions = {
 *   redisUrl: 'rediss://pos:secret@redis.example.com:6380',
 *   namespace: 'conexxus',
 *   onError: (error) => console.warn(error.message),
 * };
 * ```
 */
export interface SyncProducerOptions {
  /** `redis://` or `rediss://` (TLS), with user and password where Redis wants them. */
  readonly redisUrl: string;
  /** Which fleet's queue, the workers' `SYNC_NAMESPACE`: a word without braces. Default: `conexxus`. */
  readonly namespace?: string | undefined;
  /**
   * Hears connection errors, for the log: the connection mends itself, and what it means to a call is
   * the call's own error. Nothing is printed. What it throws is not heard of.
   */
  readonly onError?: ((error: Error) => unknown) | undefined;
}

/**
 * Enqueues sync jobs. Every call ends within two seconds of Redis being away, and works again when it is
 * back. To repeat a call that failed is always safe: the same content is the same job. One producer serves the whole
 * life of a process; calls may overlap.
 *
 * @example
 * ```ts
 * import { createSyncProducer } from 'conexxus-sync';
 *
 * const sync = createSyncProducer({ redisUrl: 'redis://127.0.0.1:6379' });
 * const { jobId, status, state } = await sync.pushSales({
 *   date: '2025-11-20',
 *   locationId: 'store-7',
 *   transactions: [
 *     {
 *       id: 'T-1001',
 *       timestamp: '2025-11-20T09:15:00-06:00',
 *       total: 21.98,
 *       items: [{ sku: '73050', quantity: 2, price: 10.99 }],
 *     },
 *   ],
 * });
 * console.log(jobId, status, state); // ps-3f9a2c41d0… accepted waiting
 * await sync.close();
 * ```
 */
export interface SyncProducer {
  /**
   * Enqueues sales. They are written out before the first wait: whoever changes the object afterwards changes no sale.
   *
   * @param data - At most 10 MB as JSON.
   * @returns Once the job is in Redis. `known`: the same content was enqueued before, or delivered.
   * @throws InvalidPayloadError with all problems: nothing was enqueued.
   * @throws QueueUnavailableError, QueueFullError: enqueue it again later.
   */
  pushSales(data: PushSales): Promise<Enqueued>;
  /**
   * As `pushSales` for many, in few round trips. If one payload is not valid, none is enqueued. If Redis fails in the
   * middle, the first ones may have been.
   *
   * @param list - Of any length, 0 also.
   * @returns In the order of the list.
   * @throws InvalidPayloadError whose paths begin with the index: `[3].transactions[0].id`.
   * @throws QueueUnavailableError, QueueFullError: enqueue all of them again later.
   */
  pushSalesMany(list: readonly PushSales[]): Promise<Enqueued[]>;
  /**
   * Asks for the catalog of a store.
   *
   * @returns `known` while an earlier request for the store is unfinished; then with the id of that one.
   * @throws InvalidPayloadError, QueueUnavailableError, QueueFullError, as `pushSales`.
   */
  fetchInventory(data: FetchInventory): Promise<Enqueued>;
  /** Lets calls under way end and disconnects. May be called twice. Later calls reject with QueueUnavailableError. */
  close(): Promise<void>;
}

/**
 * Does not wait for the connection: whether Redis is there, the first call tells. A process does not end by itself
 * before `close`.
 *
 * @throws InvalidOptionsError.
 *
 * @example
 * ```ts
 * import { createSyncProducer } from 'conexxus-sync';
 *
 * const sync = createSyncProducer({ redisUrl: 'redis://127.0.0.1:6379', namespace: 'conexxus' });
 * process.once('SIGTERM', () => void sync.close());
 * ```
 */
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
