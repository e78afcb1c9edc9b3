import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Job, type JobsOptions, type Queue, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { startPrivateRedis } from '../../scripts/services.ts';
import { eventStreamKey, type SyncEvent } from '../../src/events/event.ts';
import { connectRedis } from '../../src/redis.ts';
import {
  createDeadLetters,
  type DeadLetterFilter,
  type DeadLetters,
  type Verdict,
} from '../../src/sync/dead-letters.ts';
import { openQueue, queuePrefix } from '../../src/sync/queue.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { sales } from './sales.ts';

const WORD = { actor: 'olga', reason: 'the store was unknown' };

let redis: Redis;
let namespace: string;
let queue: Queue;
let letters: DeadLetters;

beforeAll(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});

beforeEach(() => {
  namespace = uniqueNamespace();
  queue = openQueue(redis, namespace);
  letters = createDeadLetters({ redis, queue, namespace, redact: (text) => text.replace('canary', '***') });
});

afterAll(() => redis.disconnect());

interface Letter {
  readonly id: string;
  readonly name?: string;
  readonly data?: unknown;
  readonly reason?: string;
  readonly options?: JobsOptions;
}

/** Jobs that a real worker gave up. */
async function died(...list: readonly Letter[]): Promise<void> {
  const reasons = new Map(list.map(({ id, reason }) => [id, reason ?? 'rejected: 422']));
  const connection = redis.duplicate();
  const worker = new Worker(
    'sync',
    async (job) => {
      throw new UnrecoverableError(reasons.get(job.id ?? '') ?? '');
    },
    { prefix: queuePrefix(namespace), connection, concurrency: 20, drainDelay: 1 },
  );
  let left = list.length;
  const ended = new Promise<void>((resolve) => {
    worker.on('failed', () => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
  await queue.addBulk(
    list.map(({ id, name = 'push_sales', data = sales(id), options }) => ({
      name,
      data,
      opts: { ...options, jobId: id },
    })),
  );
  await ended;
  await worker.close();
  connection.disconnect();
}

/** Dead letters by hand: so many, and died then. */
async function shelve(count: number, diedAt: (index: number) => number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `letter-${index}`);
  const pipeline = redis.pipeline();
  for (const [index, id] of ids.entries()) {
    const fields = { name: 'push_sales', data: JSON.stringify(sales(id)), failedReason: 'transient: 500' };
    pipeline.hset(queue.toKey(id), { ...fields, finishedOn: diedAt(index), atm: 3 });
    pipeline.zadd(queue.toKey('failed'), diedAt(index), id);
  }
  await pipeline.exec();
  return ids;
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function idsOf(filter: DeadLetterFilter): Promise<string[]> {
  return (await collect(letters.scan(filter, 'oldest-first'))).map(({ id }) => id).sort();
}

async function events(): Promise<SyncEvent[]> {
  const entries = await redis.xrange(eventStreamKey(namespace), '-', '+');
  return entries.map(([, fields]): SyncEvent => JSON.parse(fields[1] ?? ''));
}

const typesOf = async (prefix: string) =>
  (await events()).filter(({ type }) => type.startsWith(prefix)).map(({ type }) => type);

const waiting = () => redis.lrange(queue.toKey('wait'), 0, -1);
const hashOf = (id: string) => redis.hgetall(queue.toKey(id));

describe('looking at dead letters', () => {
  it('tells what died, of what, when, and after how many attempts', async () => {
    const before = Date.now();
    await died({ id: 'a', reason: 'rejected: 422: the date lies in the future' });
    const [letter] = await collect(letters.scan({}, 'newest-first'));
    expect(letter).toEqual({
      id: 'a',
      job: 'push_sales',
      locationId: 'store-1',
      transactionIds: expect.any(Array),
      diedAt: expect.any(Number),
      attempts: expect.any(Number),
      reason: 'rejected: 422: the date lies in the future',
      replays: 0,
      data: sales('a'),
    });
    expect(letter?.diedAt).toBeGreaterThanOrEqual(before);
  });

  it('filters by id, job, location, time of death, and a part of the reason in any case', async () => {
    await died(
      { id: 'a', reason: 'rejected: Unknown Store' },
      { id: 'b', data: { ...sales('b'), locationId: 'store-b' }, reason: 'not_found: 404' },
      { id: 'c', name: 'fetch_inventory', data: { locationId: 'store-b' }, reason: 'crashed: boom' },
    );
    await redis.zadd(queue.toKey('failed'), 1_000, 'c');
    await redis.hset(queue.toKey('c'), { finishedOn: 1_000 });
    expect(await idsOf({})).toEqual(['a', 'b', 'c']);
    expect(await idsOf({ ids: ['b', 'c', 'nobody'] })).toEqual(['b', 'c']);
    expect(await idsOf({ job: 'push_sales' })).toEqual(['a', 'b']);
    expect(await idsOf({ locationId: 'store-b' })).toEqual(['b', 'c']);
    expect(await idsOf({ until: 1_000 })).toEqual(['c']);
    expect(await idsOf({ since: 1_001 })).toEqual(['a', 'b']);
    expect(await idsOf({ error: 'unknown store' })).toEqual(['a']);
    expect(await idsOf({ error: 'NOT_FOUND' })).toEqual(['b']);
    expect(await idsOf({ locationId: 'store-b', job: 'push_sales', error: '404' })).toEqual(['b']);
    expect(await idsOf({ ids: ['a'], job: 'fetch_inventory' })).toEqual([]);
  });

  it.each([
    ['each at a time of its own', (index: number) => 1_000 + index],
    ['many in the same millisecond', (index: number) => 1_000 + Math.floor(index / 450)],
    ['all in the same millisecond', () => 1_000],
  ])('reads page by page, each once, in either order: %s', async (_what, diedAt) => {
    const ids = await shelve(1_000, diedAt);
    const oldestFirst = await collect(letters.scan({}, 'oldest-first'));
    expect(oldestFirst.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(oldestFirst.map((letter) => letter.diedAt)).toEqual(ids.map((_, index) => diedAt(index)));
    const newestFirst = await collect(letters.scan({}, 'newest-first'));
    expect(newestFirst.map(({ id }) => id)).toEqual(oldestFirst.map(({ id }) => id).toReversed());
  });

  it('leaves nobody out when others leave while it reads', async () => {
    const ids = await shelve(600, (index) => 1_000 + Math.floor(index / 3));
    const seen: string[] = [];
    for await (const { id } of letters.scan({}, 'oldest-first')) {
      seen.push(id);
      if (seen.length === 100) await redis.zrem(queue.toKey('failed'), ...ids.slice(0, 150));
    }
    expect(seen).toEqual(expect.arrayContaining(ids.slice(200)));
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('reads what other clients left behind', async () => {
    await shelve(1, () => 1_000);
    await redis.hset(queue.toKey('letter-0'), { data: '{"locationId": 7' });
    await redis.zadd(queue.toKey('failed'), 1_001, 'a-job-whose-hash-is-gone');
    expect(await collect(letters.scan({}, 'oldest-first'))).toMatchObject([
      { id: 'letter-0', locationId: undefined, data: '{"locationId": 7' },
    ]);
  });
});

describe('replay', () => {
  /** All that can differ between two jobs of this queue but their ids. */
  async function pictureOf(id: string) {
    const { timestamp: _timestamp, data: _data, opts: _opts, ...hash } = await hashOf(id);
    return { ...hash, state: await queue.getJobState(id) };
  }

  it.each<[string, JobsOptions]>([
    ['an ordinary job', {}],
    ['a job with a priority', { priority: 5 }],
  ])("does with %s what BullMQ's own retry does with a full budget", async (_what, options) => {
    await died({ id: 'ours', options }, { id: 'theirs', options });
    await redis.hset(queue.toKey('ours'), { atm: 7, ats: 9 });
    await redis.hset(queue.toKey('theirs'), { atm: 7, ats: 9 });
    const theirs: Job | undefined = await queue.getJob('theirs');
    await theirs?.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });

    expect(await collect(letters.replay({ ids: ['ours'] }, WORD))).toEqual([{ id: 'ours', kind: 'done' }]);
    const { replays, ...picture } = { replays: '', ...(await pictureOf('ours')) };
    expect(picture).toEqual(await pictureOf('theirs'));
    expect(replays).toBe('1');
    expect(await queue.getJobCounts('failed')).toEqual({ failed: 0 });
  });

  it('wakes an idle worker, and goes behind those that wait', async () => {
    await died({ id: 'dead' });
    const taken: string[] = [];
    const connection = redis.duplicate();
    const worker = new Worker('sync', async (job) => void taken.push(job.id ?? ''), {
      prefix: queuePrefix(namespace),
      connection,
      drainDelay: 60,
    });
    await worker.waitUntilReady();
    await queue.pause();
    await queue.add('push_sales', sales('first'), { jobId: 'first' });
    await collect(letters.replay({}, WORD));
    expect(await waiting()).toEqual(['dead', 'first']);
    const drained = new Promise((resolve) =>
      worker.on('completed', ({ id }) => id === 'dead' && resolve(id)),
    );
    await queue.resume();
    await drained;
    expect(taken).toEqual(['first', 'dead']);
    await worker.close();
    connection.disconnect();
  });

  it('forgets how often workers died of it, and numbers its next death', async () => {
    await died({ id: 'a' });
    for (const replays of ['1', '2']) {
      await redis.hset(queue.toKey('a'), { stc: 10 });
      await collect(letters.replay({}, WORD));
      expect(await hashOf('a')).toMatchObject({ replays });
      expect(await hashOf('a')).not.toHaveProperty('stc');
      await redis.lrem(queue.toKey('wait'), 0, 'a');
      await redis.zadd(queue.toKey('failed'), Date.now(), 'a');
    }
  });

  it('is in the audit trail before, and in the log with each job', async () => {
    await died({ id: 'a', reason: 'rejected: canary' });
    await collect(letters.replay({ job: 'push_sales' }, WORD));
    expect(await events()).toEqual([
      {
        dedupeKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
        type: 'conexxus.operator.replay',
        aggregateId: 'queue',
        payload: { ...WORD, action: 'replay', filter: { job: 'push_sales' } },
      },
      {
        dedupeKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
        type: 'conexxus.sync.replayed.push_sales',
        aggregateId: 'a',
        locationId: 'store-1',
        transactionIds: expect.any(Array),
        payload: {
          operation: 'push_sales',
          ...WORD,
          diedOf: 'rejected: ***',
          data: JSON.stringify(sales('a')),
          transactionCount: expect.any(Number),
        },
      },
    ]);
  });

  it('does nothing that could not be written into the audit trail', async () => {
    await died({ id: 'a' });
    await redis.set(eventStreamKey(namespace), 'no stream');
    await expect(collect(letters.replay({}, WORD))).rejects.toThrow('WRONGTYPE');
    expect(await queue.getJobState('a')).toBe('failed');
    expect(await hashOf('a')).not.toHaveProperty('replays');
  });

  it('names what is no dead letter, and what is gone; nothing done is nothing audited', async () => {
    await queue.add('push_sales', sales('a'), { jobId: 'a' });
    expect(await collect(letters.replay({ ids: ['a', 'b'] }, WORD))).toEqual([
      { id: 'a', kind: 'not-dead', state: 'waiting' },
      { id: 'b', kind: 'gone' },
    ]);
    expect(await events()).toEqual([]);
  });

  it('replays once what dies again meanwhile, though it died on a machine whose clock is behind', async () => {
    const ids = await shelve(500, (index) => 1_000 + index);
    const verdicts: Verdict[] = [];
    for await (const verdict of letters.replay({}, WORD)) {
      verdicts.push(verdict);
      // Dead again, between those already passed and the last.
      await redis.zadd(queue.toKey('failed'), 1_490, verdict.id);
    }
    expect(verdicts.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(await waiting()).toHaveLength(500);
  });

  it('of many who replay the same at once, one gets each', async () => {
    const ids = await shelve(300, (index) => 1_000 + index);
    const connections = Array.from({ length: 4 }, () => redis.duplicate());
    const passed = await Promise.all(
      connections.map((connection, n) => {
        const theirs = openQueue(connection, namespace);
        const deps = { redis: connection, queue: theirs, namespace, redact: (text: string) => text };
        return collect(createDeadLetters(deps).replay({}, { actor: `person-${n}`, reason: 'r' }));
      }),
    );
    for (const connection of connections) connection.disconnect();
    const done = passed.flat().filter(({ kind }) => kind === 'done');
    expect(done.map(({ id }) => id).sort()).toEqual([...ids].sort());
    const others = passed.flat().filter(({ kind }) => kind !== 'done');
    expect(others).toEqual(others.map(({ id }) => ({ id, kind: 'taken', state: 'waiting' })));
    expect((await waiting()).sort()).toEqual([...ids].sort());
    expect(await typesOf('conexxus.sync.replayed')).toHaveLength(300);
    expect(new Set((await Promise.all(ids.map(hashOf))).map(({ replays }) => replays))).toEqual(
      new Set(['1']),
    );
  });

  it('is refused by a full Redis, and changes nothing', async () => {
    const server = await startPrivateRedis();
    const connection = connectRedis(server.url, 'patient', () => undefined);
    const full = openQueue(connection, namespace);
    await connection.hset(full.toKey('a'), { name: 'push_sales', data: JSON.stringify(sales('a')) });
    await connection.zadd(full.toKey('failed'), 1_000, 'a');
    await connection.config('SET', 'maxmemory', '1');
    const there = createDeadLetters({ redis: connection, queue: full, namespace, redact: (text) => text });
    expect(await collect(there.replay({}, WORD))).toEqual([
      { id: 'a', kind: 'refused', why: 'The queue is full: Redis is at its maxmemory' },
    ]);
    expect(await connection.hgetall(full.toKey('a'))).not.toHaveProperty('replays');
    expect(await full.getJobCounts('failed', 'waiting')).toEqual({ failed: 1, waiting: 0 });
    connection.disconnect();
    await server.stop();
  });

  it('goes no faster than it is told', async () => {
    await shelve(60, (index) => 1_000 + index);
    const begun = performance.now();
    expect(await collect(letters.replay({}, WORD, 40))).toHaveLength(60);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(1_450);
  });
});

describe('discard', () => {
  it('removes the job for good, and keeps who, why and what in the log', async () => {
    await died({ id: 'a', reason: 'rejected: never valid' }, { id: 'b' });
    await queue.addJobLog('a', 'a line');
    expect(await collect(letters.discard({ ids: ['a'] }, WORD))).toEqual([{ id: 'a', kind: 'done' }]);
    expect(await redis.keys(`${queue.toKey('a')}*`)).toEqual([]);
    expect(await idsOf({})).toEqual(['b']);
    expect(await events()).toMatchObject([
      { type: 'conexxus.operator.discard', aggregateId: 'a', payload: { ...WORD, action: 'discard' } },
      {
        type: 'conexxus.sync.discarded.push_sales',
        aggregateId: 'a',
        payload: { ...WORD, diedOf: 'rejected: never valid', data: JSON.stringify(sales('a')) },
      },
    ]);
  });

  it('leaves no trace of the job that would keep it from being enqueued again', async () => {
    await died({ id: 'a', options: { deduplication: { id: 'store-1' } } });
    await collect(letters.discard({}, WORD));
    const again = await queue.add('push_sales', sales('a'), { jobId: 'b', deduplication: { id: 'store-1' } });
    expect(again.id).toBe('b');
    await queue.add('push_sales', sales('a'), { jobId: 'a' });
    expect((await waiting()).sort()).toEqual(['a', 'b']);
  });

  it('while somebody replays: each job is either back in the queue or gone', async () => {
    const ids = await shelve(300, (index) => 1_000 + index);
    const connection = redis.duplicate();
    const theirs = { redis: connection, queue: openQueue(connection, namespace), namespace };
    const others = createDeadLetters({ ...theirs, redact: (text) => text });
    const [replayed, discarded] = await Promise.all([
      collect(letters.replay({}, WORD)),
      collect(others.discard({}, WORD)),
    ]);
    connection.disconnect();
    const done = (verdicts: Verdict[]) => verdicts.filter(({ kind }) => kind === 'done').map(({ id }) => id);
    expect([...done(replayed), ...done(discarded)].sort()).toEqual([...ids].sort());
    expect((await waiting()).sort()).toEqual(done(replayed).sort());
    for (const id of done(discarded)) expect(await redis.exists(queue.toKey(id))).toBe(0);
    expect(await typesOf('conexxus.sync.replayed')).toHaveLength(done(replayed).length);
    expect(await typesOf('conexxus.sync.discarded')).toHaveLength(done(discarded).length);
  });
});
