import { Job, type JobsOptions, type Queue } from 'bullmq';
import type { JobName } from '../jobs/jobs.ts';
import { openQueue } from '../queue.ts';
import { type EnqueuedState, readDelivered, readStates, repliesOf } from './known-jobs.ts';
import type { QueueConnection } from './queue-connection.ts';

export interface Enqueued {
  readonly jobId: string;
  /** `known`: it was there, or had been delivered, before; nothing was added. */
  readonly status: 'accepted' | 'known';
  readonly state: EnqueuedState;
}

/** A checked job, written out. */
export interface Entry {
  readonly name: JobName;
  readonly jobId: string;
  /** The data as JSON. Text, so that a caller who changes his object meanwhile changes no sale. */
  readonly json: string;
  /** Only one unfinished job with this id at a time. Without it, the job id is the sync key. */
  readonly deduplicationId?: string;
}

export interface JobAdder {
  /** Adds what is not known yet, all in one transaction. Results in the order of the entries. */
  add(entries: readonly Entry[]): Promise<Enqueued[]>;
  close(): Promise<void>;
}

interface Added {
  readonly jobId: string;
  readonly status: Enqueued['status'];
}

/** Three round trips at most, whatever the number of entries: delivered marks, additions, states of known jobs. */
export function createJobAdder(connection: QueueConnection, namespace: string): JobAdder {
  const { redis } = connection;
  const queue = openQueue(redis, namespace);

  async function exchange(entries: readonly Entry[], signal: AbortSignal): Promise<Enqueued[]> {
    const syncKeys = entries.filter(isKeyed).map(({ jobId }) => jobId);
    const delivered = await readDelivered(redis, namespace, syncKeys);
    signal.throwIfAborted();
    const fresh = entries.filter(({ jobId }) => !delivered.has(jobId));
    const added = await transact(queue, fresh);
    signal.throwIfAborted();
    const results = entries.map((entry) => added.get(entry) ?? known(entry.jobId));
    const knownIds = results.filter(({ status }) => status === 'known').map(({ jobId }) => jobId);
    const states = await readStates(redis, queue.toKey, knownIds, delivered);
    return results.map(({ jobId, status }) => ({ jobId, status, state: states.get(jobId) ?? 'waiting' }));
  }

  return {
    async add(entries) {
      return connection.exchange((signal) => exchange(entries, signal));
    },
    async close() {
      await connection.close();
      await queue.close();
    },
  };
}

function isKeyed(entry: Entry): boolean {
  return entry.deduplicationId === undefined;
}

/**
 * Asks whether the job is there and adds it, as one transaction: of many who enqueue the same sales at
 * once exactly one is told `accepted`. BullMQ alone does not say whether it ignored an addition.
 */
async function transact(queue: Queue, entries: readonly Entry[]): Promise<Map<Entry, Added>> {
  if (entries.length === 0) return new Map();
  const backend = queue.getBackend();
  const client = await backend.client;
  const transaction = client.multi();
  for (const entry of entries) {
    transaction.runCommand('exists', [queue.toKey(entry.jobId)]);
    await backend.addJobToTransaction(transaction, jobOf(queue, entry), entry.jobId);
  }
  const replies = await repliesOf(transaction);
  return new Map(entries.map((entry, n) => [entry, addedAs(entry, replies[2 * n], replies[2 * n + 1])]));
}

/** As BullMQ adds it. */
export function jobOf(queue: Queue, { name, jobId, json, deduplicationId }: Entry) {
  // No attempts, no backoff, no retention: the workers' policy is the only one.
  const options: JobsOptions = { jobId };
  if (deduplicationId !== undefined) options.deduplication = { id: deduplicationId };
  return { ...new Job(queue, name, {}, options, jobId).asJSON(), data: json };
}

/** `storedId` is another's where an unfinished job has the same deduplication id. */
function addedAs({ jobId }: Entry, existed: unknown, storedId: unknown): Added {
  if (storedId !== jobId) return known(String(storedId));
  return existed === 1 ? known(jobId) : { jobId, status: 'accepted' };
}

function known(jobId: string): Added {
  return { jobId, status: 'known' };
}
