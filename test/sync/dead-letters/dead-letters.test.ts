import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Job, type JobsOptions, Worker } from 'bullmq';
import { startPrivateRedis } from '../../../scripts/services.ts';
import { connectRedis } from '../../../src/base/redis.ts';
import { eventStreamKey } from '../../../src/events/event.ts';
import { createDeadLetters, type Missed, type Verdict } from '../../../src/sync/dead-letters/dead-letters.ts';
import { canonicalJson, syncKeyOf } from '../../../src/sync/jobs/sync-key.ts';
import { openQueue, queuePrefix } from '../../../src/sync/queue.ts';
import { sales } from '../sales.ts';
import { collect, openShelf, type Shelf, WORD } from '../shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

describe('looking at dead letters', () => {
  it('tells what died, of what, when, and after how many attempts', async () => {
    const before = Date.now();
    await shelf.died({ id: 'a', reason: 'rejected: 422: the date lies in the future' });
    const [letter] = await collect(shelf.letters.scan({}, 'newest-first'));
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
    await shelf.died(
      { id: 'a', reason: 'rejected: Unknown Store' },
      { id: 'b', data: { ...sales('b'), locationId: 'store-b' }, reason: 'not_found: 404' },
      { id: 'c', name: 'fetch_inventory', data: { locationId: 'store-b' }, reason: 'crashed: boom' },
    );
    await shelf.redis.zadd(shelf.queue.toKey('failed'), 1_000, 'c');
    await shelf.redis.hset(shelf.queue.toKey('c'), { finishedOn: 1_000 });
    expect(await shelf.idsOf({})).toEqual(['a', 'b', 'c']);
    expect(await shelf.idsOf({ ids: ['b', 'c', 'nobody'] })).toEqual(['b', 'c']);
    expect(await shelf.idsOf({ job: 'push_sales' })).toEqual(['a', 'b']);
    expect(await shelf.idsOf({ locationId: 'store-b' })).toEqual(['b', 'c']);
    expect(await shelf.idsOf({ until: 1_000 })).toEqual(['c']);
    expect(await shelf.idsOf({ since: 1_001 })).toEqual(['a', 'b']);
    expect(await shelf.idsOf({ error: 'unknown store' })).toEqual(['a']);
    expect(await shelf.idsOf({ error: 'NOT_FOUND' })).toEqual(['b']);
    expect(await shelf.idsOf({ locationId: 'store-b', job: 'push_sales', error: '404' })).toEqual(['b']);
    expect(await shelf.idsOf({ ids: ['a'], job: 'fetch_inventory' })).toEqual([]);
  });

  it.each([
    ['each at a time of its own', (index: number) => 1_000 + index],
    ['many in the same millisecond', (index: number) => 1_000 + Math.floor(index / 450)],
    ['all in the same millisecond', () => 1_000],
  ])('reads page by page, each once, in either order: %s', async (_what, diedAt) => {
    const ids = await shelf.shelve(1_000, diedAt);
    const oldestFirst = await collect(shelf.letters.scan({}, 'oldest-first'));
    expect(oldestFirst.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(oldestFirst.map((letter) => letter.diedAt)).toEqual(ids.map((_, index) => diedAt(index)));
    const newestFirst = await collect(shelf.letters.scan({}, 'newest-first'));
    expect(newestFirst.map(({ id }) => id)).toEqual(oldestFirst.map(({ id }) => id).toReversed());
  });

  it('leaves nobody out when others leave while it reads', async () => {
    const ids = await shelf.shelve(600, (index) => 1_000 + Math.floor(index / 3));
    const seen: string[] = [];
    for await (const { id } of shelf.letters.scan({}, 'oldest-first')) {
      seen.push(id);
      if (seen.length === 100) await shelf.redis.zrem(shelf.queue.toKey('failed'), ...ids.slice(0, 150));
    }
    expect(seen).toEqual(expect.arrayContaining(ids.slice(200)));
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('reads what other clients left behind', async () => {
    await shelf.shelve(1, () => 1_000);
    await shelf.redis.hset(shelf.queue.toKey('letter-0'), { data: '{"locationId": 7' });
    await shelf.redis.zadd(shelf.queue.toKey('failed'), 1_001, 'a-job-whose-hash-is-gone');
    expect(await collect(shelf.letters.scan({}, 'oldest-first'))).toMatchObject([
      { id: 'letter-0', locationId: undefined, data: '{"locationId": 7' },
    ]);
  });
});

describe('replay', () => {
  /** All that can differ between two jobs of this queue but their ids. */
  async function pictureOf(id: string) {
    const { timestamp: _timestamp, data: _data, opts: _opts, ...hash } = await shelf.hashOf(id);
    return { ...hash, state: await shelf.queue.getJobState(id) };
  }

  it.each<[string, JobsOptions]>([
    ['an ordinary job', {}],
    ['a job with a priority', { priority: 5 }],
  ])("does with %s what BullMQ's own retry does with a full budget", async (_what, options) => {
    await shelf.died({ id: 'ours', options }, { id: 'theirs', options });
    await shelf.redis.hset(shelf.queue.toKey('ours'), { atm: 7, ats: 9 });
    await shelf.redis.hset(shelf.queue.toKey('theirs'), { atm: 7, ats: 9 });
    const theirs: Job | undefined = await shelf.queue.getJob('theirs');
    await theirs?.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });

    expect(await collect(shelf.letters.replay({ ids: ['ours'] }, WORD))).toEqual([
      { id: 'ours', kind: 'done' },
    ]);
    const { replays, ...picture } = { replays: '', ...(await pictureOf('ours')) };
    // Theirs keeps the error, which pages would show for one of the delivered sale.
    const { stacktrace, ...expected } = { stacktrace: '', ...(await pictureOf('theirs')) };
    expect(stacktrace).toContain('rejected: 422');
    expect(picture).toEqual(expected);
    expect(replays).toBe('1');
    expect(await shelf.queue.getJobCounts('failed')).toEqual({ failed: 0 });
  });

  it('wakes an idle worker, and goes behind those that wait', async () => {
    await shelf.died({ id: 'dead' });
    const taken: string[] = [];
    const connection = shelf.redis.duplicate();
    const worker = new Worker('sync', async (job) => void taken.push(job.id ?? ''), {
      prefix: queuePrefix(shelf.namespace),
      connection,
      drainDelay: 60,
    });
    await worker.waitUntilReady();
    await shelf.queue.pause();
    await shelf.queue.add('push_sales', sales('first'), { jobId: 'first' });
    await collect(shelf.letters.replay({}, WORD));
    expect(await shelf.waiting()).toEqual(['dead', 'first']);
    const drained = new Promise((resolve) =>
      worker.on('completed', ({ id }) => id === 'dead' && resolve(id)),
    );
    await shelf.queue.resume();
    await drained;
    expect(taken).toEqual(['first', 'dead']);
    await worker.close();
    connection.disconnect();
  });

  it('forgets how often workers died of it, and numbers its next death', async () => {
    await shelf.died({ id: 'a' });
    for (const replays of ['1', '2']) {
      await shelf.redis.hset(shelf.queue.toKey('a'), { stc: 10 });
      await collect(shelf.letters.replay({}, WORD));
      expect(await shelf.hashOf('a')).toMatchObject({ replays });
      expect(await shelf.hashOf('a')).not.toHaveProperty('stc');
      await shelf.redis.lrem(shelf.queue.toKey('wait'), 0, 'a');
      await shelf.redis.zadd(shelf.queue.toKey('failed'), Date.now(), 'a');
    }
  });

  it('is in the audit trail before, and in the log with each job', async () => {
    await shelf.died({ id: 'a', reason: 'rejected: canary' });
    await collect(shelf.letters.replay({ job: 'push_sales' }, WORD));
    expect(await shelf.events()).toEqual([
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
          syncKey: syncKeyOf(canonicalJson(sales('a'))),
          ...WORD,
          diedOf: 'rejected: ***',
          data: JSON.stringify(sales('a')),
          transactionCount: expect.any(Number),
        },
      },
    ]);
  });

  it('logs the sync key that workers know the payload by, though its numbers are shown as text', async () => {
    const json = JSON.stringify(sales('a', { rate: 1 })).replace('"rate":1', '"rate":1.00000000000000000001');
    await shelf.died({ id: 'a' }, { id: 'b', data: { locationId: 'store-1' } });
    await shelf.redis.hset(shelf.queue.toKey('a'), { data: json });
    await collect(shelf.letters.replay({}, WORD));
    const rows = (await shelf.events()).filter(({ type }) => type.startsWith('conexxus.sync.replayed'));
    const keys = new Map(rows.map(({ aggregateId, payload }) => [aggregateId, payload['syncKey']]));
    expect(keys.get('a')).toBe(syncKeyOf(canonicalJson(sales('a', { rate: 1 }))));
    expect(keys.get('b')).toBeUndefined();
  });

  it('does nothing that could not be written into the audit trail', async () => {
    await shelf.died({ id: 'a' });
    await shelf.redis.set(eventStreamKey(shelf.namespace), 'no stream');
    await expect(collect(shelf.letters.replay({}, WORD))).rejects.toThrow('WRONGTYPE');
    expect(await shelf.queue.getJobState('a')).toBe('failed');
    expect(await shelf.hashOf('a')).not.toHaveProperty('replays');
  });

  it('names each id that was given in vain, and why; nothing done is nothing audited', async () => {
    await shelf.queue.add('push_sales', sales('a'), { jobId: 'a' });
    await shelf.shelve(1);
    const filter = { ids: ['a', 'b', 'letter-0'], locationId: 'elsewhere' };
    const inVain = [
      { id: 'a', kind: 'not-dead', state: 'waiting' },
      { id: 'b', kind: 'unknown' },
      { id: 'letter-0', kind: 'left-out' },
    ];
    expect(await collect(shelf.letters.replay(filter, WORD))).toEqual(inVain);
    expect(await collect(shelf.letters.discard(filter, WORD))).toEqual(inVain);
    expect(await shelf.events()).toEqual([]);

    const missed: Missed[] = [];
    const tell = { missed: (one: Missed) => void missed.push(one) };
    const scanned = shelf.letters.scan({ ids: ['letter-0', 'b', 'a', 'b'] }, 'newest-first', tell);
    expect(await collect(scanned)).toMatchObject([{ id: 'letter-0' }]);
    expect(missed).toEqual([
      { id: 'b', kind: 'unknown' },
      { id: 'a', kind: 'not-dead', state: 'waiting' },
    ]);
  });

  it('an id that is given twice is one', async () => {
    const [id = ''] = await shelf.shelve(1);
    expect(await collect(shelf.letters.replay({ ids: [id, id] }, WORD))).toEqual([{ id, kind: 'done' }]);
  });

  it('replays once what dies again meanwhile, though it died on a machine whose clock is behind', async () => {
    const ids = await shelf.shelve(500, (index) => 1_000 + index);
    const verdicts: Verdict[] = [];
    for await (const verdict of shelf.letters.replay({}, WORD)) {
      verdicts.push(verdict);
      // Dead again, between those already passed and the last.
      await shelf.redis.zadd(shelf.queue.toKey('failed'), 1_490, verdict.id);
    }
    expect(verdicts.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(await shelf.waiting()).toHaveLength(500);
  });

  it('of many who replay the same at once, one gets each', async () => {
    const ids = await shelf.shelve(300, (index) => 1_000 + index);
    const people = Array.from({ length: 4 }, () => shelf.another());
    const passed = await Promise.all(people.map(({ letters }) => collect(letters.replay({}, WORD))));
    for (const { close } of people) close();
    const done = passed.flat().filter(({ kind }) => kind === 'done');
    expect(done.map(({ id }) => id).sort()).toEqual([...ids].sort());
    const others = passed.flat().filter(({ kind }) => kind !== 'done');
    expect(others).toEqual(others.map(({ id }) => ({ id, kind: 'taken', state: 'waiting' })));
    expect((await shelf.waiting()).sort()).toEqual([...ids].sort());
    expect(await shelf.typesOf('conexxus.sync.replayed')).toHaveLength(300);
    expect(
      new Set((await Promise.all(ids.map((id) => shelf.hashOf(id)))).map(({ replays }) => replays)),
    ).toEqual(new Set(['1']));
  });

  it('is refused by a full Redis, and changes nothing', async () => {
    const server = await startPrivateRedis();
    const connection = connectRedis(server.url, 'patient', () => undefined);
    const { namespace } = shelf;
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
    await shelf.shelve(60, (index) => 1_000 + index);
    const begun = performance.now();
    expect(await collect(shelf.letters.replay({}, WORD, { perSecond: 40 }))).toHaveLength(60);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(1_450);
  });
});
