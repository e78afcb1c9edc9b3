import { Job, type JobsOptions, type Queue } from 'bullmq';
import { CLAIM_IN_DOUBT } from '../../circuit/claims.ts';
import { claimKey } from '../../circuit/keys.ts';
import { SPLITS } from '../dead-letters/splits.ts';
import type { JobName } from '../jobs/jobs.ts';
import { openQueue } from '../queue.ts';
import type { Enqueued } from './enqueued.ts';
import { ARE_THERE, readDelivered, readStates, repliesOf } from './known-jobs.ts';
import type { QueueConnection } from './queue-connection.ts';

/** A checked job, written out. */
export interface Entry {
  readonly name: JobName;
  readonly jobId: string;
  /** The data as JSON. Text, so that a caller who changes his object meanwhile changes no sale. */
  readonly json: string;
  /** Only one unfinished job with this id at a time. Without it, the job id is the sync key. */
  readonly deduplicationId?: string;
  /** A batch that its sender splits where it is refused: the job says so, from its beginning. */
  readonly splits?: boolean;
  /**
   * The payload may have been tried before, with no known end, and Redis may have forgotten it: for so long its
   * first 409 is asked again and not believed at once.
   */
  readonly inDoubtForMs?: number;
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

/**
 * KEYS[1]: the job's hash.
 * ARGV: its time of addition, a field.
 * Promises to mark the job that was just added, and none that was there before.
 */
const MARK_NEW = `
if redis.call('HGET', KEYS[1], 'timestamp') == ARGV[1] then
  redis.call('HSET', KEYS[1], ARGV[2], '1')
end
return 1
`;

/** Three round trips at most, whatever the number of entries: delivered marks, additions, states of known jobs. */
export function createJobAdder(connection: QueueConnection, namespace: string): JobAdder {
  const { redis } = connection;
  const queue = openQueue(redis, namespace);

  async function exchange(entries: readonly Entry[], signal: AbortSignal): Promise<Enqueued[]> {
    const syncKeys = entries.filter(isKeyed).map(({ jobId }) => jobId);
    const delivered = await readDelivered(redis, namespace, syncKeys);
    signal.throwIfAborted();
    const fresh = entries.filter(({ jobId }) => !delivered.has(jobId));
    const added = await transact(queue, namespace, fresh);
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
 * Asks which of the jobs are there and adds them, as one transaction: of many who enqueue the same sales at
 * once exactly one is told `accepted`. BullMQ alone does not say whether it ignored an addition.
 */
async function transact(
  queue: Queue,
  namespace: string,
  entries: readonly Entry[],
): Promise<Map<Entry, Added>> {
  if (entries.length === 0) return new Map();
  const backend = queue.getBackend();
  const client = await backend.client;
  const transaction = client.multi();
  const claims = entries.flatMap((entry) => claimOf(namespace, entry));
  for (const claim of claims) transaction.runCommand('set', claim);
  const keys = entries.map(({ jobId }) => queue.toKey(jobId));
  transaction.runCommand('eval', [ARE_THERE, keys.length, ...keys]);
  const marks: (string | number)[][] = [];
  for (const entry of entries) {
    const job = jobOf(queue, entry);
    await backend.addJobToTransaction(transaction, job, entry.jobId);
    if (entry.splits === true) marks.push([MARK_NEW, 1, queue.toKey(entry.jobId), job.timestamp, SPLITS]);
  }
  for (const mark of marks) transaction.runCommand('eval', mark);
  const [there, ...storedIds] = (await repliesOf(transaction)).slice(claims.length);
  return addedAs(entries, Array.isArray(there) ? there : [], storedIds);
}

/** What is known of the payload already is worth more. */
function claimOf(namespace: string, { jobId, inDoubtForMs }: Entry): (string | number)[][] {
  if (inDoubtForMs === undefined) return [];
  return [[claimKey(namespace, jobId), CLAIM_IN_DOUBT, 'PX', inDoubtForMs, 'NX']];
}

/** As BullMQ adds it. */
export function jobOf(queue: Queue, { name, jobId, json, deduplicationId }: Entry) {
  // No attempts, no backoff, no retention: the workers' policy is the only one.
  const options: JobsOptions = { jobId };
  if (deduplicationId !== undefined) options.deduplication = { id: deduplicationId };
  return { ...new Job(queue, name, {}, options, jobId).asJSON(), data: json };
}

/** A stored id is another's where an unfinished job has the same deduplication id. */
function addedAs(
  entries: readonly Entry[],
  there: readonly unknown[],
  storedIds: readonly unknown[],
): Map<Entry, Added> {
  // Of a job that is in the list twice, the first one adds it.
  const added = new Map<Entry, Added>();
  const seen = new Set<string>();
  for (const [place, entry] of entries.entries()) {
    const { jobId } = entry;
    const isNew = storedIds[place] === jobId && there[place] === 0 && !seen.has(jobId);
    added.set(entry, isNew ? { jobId, status: 'accepted' } : known(String(storedIds[place])));
    seen.add(jobId);
  }
  return added;
}

function known(jobId: string): Added {
  return { jobId, status: 'known' };
}
