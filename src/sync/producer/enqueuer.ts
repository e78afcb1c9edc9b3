import { randomUUID } from 'node:crypto';
import type { SyncJob } from '../jobs/jobs.ts';
import type { Enqueued } from './enqueued.ts';
import { createJobAdder, type Entry } from './job-adder.ts';
import { QueueUnavailableError } from './producer-errors.ts';
import { openQueueConnection } from './queue-connection.ts';

/** One transaction holds no more than this, so that others get their turn at Redis. */
const CHUNK_JOBS = 250;
const CHUNK_LENGTH = 8 * 1024 * 1024;

export interface EnqueuerOptions {
  readonly redisUrl: string;
  readonly namespace: string;
  /** Hears connection errors. */
  readonly onError: (error: Error) => unknown;
}

export interface Enqueuer {
  /**
   * Results in the order of the jobs. To enqueue again after an error is safe.
   * @throws QueueUnavailableError, QueueFullError: of many jobs, the first ones may have been enqueued.
   */
  enqueue(jobs: readonly SyncJob[]): Promise<Enqueued[]>;
  /** Lets what is under way end, and disconnects. The second caller awaits the same. */
  close(): Promise<void>;
}

/** Puts checked jobs into the queue. Does not wait for the connection. */
export function createEnqueuer({ redisUrl, namespace, onError }: EnqueuerOptions): Enqueuer {
  const adder = createJobAdder(openQueueConnection(redisUrl, onError), namespace);
  let closing: Promise<void> | undefined;
  return {
    async enqueue(jobs) {
      const results: Enqueued[] = [];
      // Written when they were checked: whoever changes his object afterwards changes no sale.
      for (const chunk of chunksOf(jobs.map(entryOf))) {
        if (closing !== undefined) throw new QueueUnavailableError('The producer is closed');
        results.push(...(await adder.add(chunk)));
      }
      return results;
    },
    close() {
      closing ??= adder.close();
      return closing;
    },
  };
}

export function entryOf({ name, json, locationId, syncKey }: SyncJob): Entry {
  const entry = { name, json };
  if (syncKey !== undefined) return { ...entry, jobId: syncKey };
  // Its id tells nothing again: the deduplication does, until the job is finished.
  return { ...entry, jobId: `${name}-${randomUUID()}`, deduplicationId: `${name}-${locationId}` };
}

/** In few round trips, and none of them long. */
export function* chunksOf(entries: readonly Entry[]): Generator<Entry[]> {
  let chunk: Entry[] = [];
  let length = 0;
  for (const entry of entries) {
    if (chunk.length === CHUNK_JOBS || (chunk.length > 0 && length + entry.json.length > CHUNK_LENGTH)) {
      yield chunk;
      chunk = [];
      length = 0;
    }
    chunk.push(entry);
    length += entry.json.length;
  }
  if (chunk.length > 0) yield chunk;
}
