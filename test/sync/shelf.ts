import { type JobsOptions, type Queue, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { eventStreamKey, type SyncEvent } from '../../src/events/event.ts';
import {
  createDeadLetters,
  type DeadLetterFilter,
  type DeadLetters,
} from '../../src/sync/dead-letters/dead-letters.ts';
import { openQueue, queuePrefix } from '../../src/sync/queue.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { sales } from './sales.ts';

export const WORD = { actor: 'olga', reason: 'the store was unknown' };

interface Letter {
  readonly id: string;
  readonly name?: string;
  readonly data?: unknown;
  readonly reason?: string;
  readonly options?: JobsOptions;
}

/** A queue of a test's own with dead letters in it. */
export interface Shelf {
  readonly redis: Redis;
  readonly namespace: string;
  readonly queue: Queue;
  readonly letters: DeadLetters;
  /** The same dead letters over another connection, which the caller closes. */
  another(): { readonly letters: DeadLetters; readonly close: () => void };
  /** Jobs that a real worker gave up. */
  died(...list: readonly Letter[]): Promise<void>;
  /** So many by hand, `letter-0` and on, who died then. */
  shelve(count: number, diedAt?: (index: number) => number): Promise<string[]>;
  /** Sorted. */
  idsOf(filter: DeadLetterFilter): Promise<string[]>;
  events(): Promise<SyncEvent[]>;
  typesOf(prefix: string): Promise<string[]>;
  waiting(): Promise<string[]>;
  hashOf(id: string): Promise<Record<string, string>>;
  close(): void;
}

export function openShelf(): Shelf {
  const namespace = uniqueNamespace();
  const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  const queue = openQueue(redis, namespace);
  const redact = (text: string) => text.replace('canary', '***');
  const letters = createDeadLetters({ redis, queue, namespace, redact });
  const events = async () => {
    const entries = await redis.xrange(eventStreamKey(namespace), '-', '+');
    return entries.map(([, fields]): SyncEvent => JSON.parse(fields[1] ?? ''));
  };

  return {
    redis,
    namespace,
    queue,
    letters,
    another() {
      const connection = redis.duplicate();
      const deps = { redis: connection, queue: openQueue(connection, namespace), namespace, redact };
      return { letters: createDeadLetters(deps), close: () => connection.disconnect() };
    },
    async died(...list) {
      const ended = giveUp(redis.duplicate(), namespace, list);
      await queue.addBulk(
        list.map(({ id, name = 'push_sales', data = sales(id), options }) => ({
          name,
          data,
          opts: { ...options, jobId: id },
        })),
      );
      await ended;
    },
    async shelve(count, diedAt = (index) => 1_000 + index) {
      const ids = Array.from({ length: count }, (_, index) => `letter-${index}`);
      const pipeline = redis.pipeline();
      for (const [index, id] of ids.entries()) {
        const fields = {
          name: 'push_sales',
          data: JSON.stringify(sales(id)),
          failedReason: 'transient: 500',
        };
        pipeline.hset(queue.toKey(id), { ...fields, finishedOn: diedAt(index), atm: 3 });
        pipeline.zadd(queue.toKey('failed'), diedAt(index), id);
      }
      await pipeline.exec();
      return ids;
    },
    idsOf: async (filter) => (await collect(letters.scan(filter, 'oldest-first'))).map(({ id }) => id).sort(),
    events,
    typesOf: async (prefix) =>
      (await events()).filter(({ type }) => type.startsWith(prefix)).map(({ type }) => type),
    waiting: () => redis.lrange(queue.toKey('wait'), 0, -1),
    hashOf: (id) => redis.hgetall(queue.toKey(id)),
    close: () => redis.disconnect(),
  };
}

/** A worker that gives these up, and goes. */
async function giveUp(connection: Redis, namespace: string, list: readonly Letter[]): Promise<void> {
  const reasons = new Map(list.map(({ id, reason }) => [id, reason ?? 'rejected: 422']));
  const worker = new Worker(
    'sync',
    async (job) => {
      throw new UnrecoverableError(reasons.get(job.id ?? '') ?? '');
    },
    { prefix: queuePrefix(namespace), connection, concurrency: 20, drainDelay: 1 },
  );
  let left = list.length;
  await new Promise<void>((resolve) => {
    worker.on('failed', () => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
  await worker.close();
  connection.disconnect();
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}
