import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createSyncProducer } from '../../../src/sync/producer/producer.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';
import { sales } from '../sales.ts';

const namespace = uniqueNamespace();
const prefix = `{${namespace}}`;
let redis: Redis;
let queue: Queue;
let producer: ReturnType<typeof createSyncProducer>;

beforeAll(() => {
  redis = new Redis(testRedisUrl(), { maxRetriesPerRequest: null });
  queue = new Queue('sync', { prefix, connection: redis });
  producer = createSyncProducer({ redisUrl: testRedisUrl(), namespace });
});

afterEach(async () => {
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(...keys);
});

afterAll(async () => {
  await producer.close();
  await queue.close();
  redis.disconnect();
});

async function storedText(jobId: string): Promise<string | null> {
  return redis.hget(queue.toKey(jobId), 'data');
}

/** Fetches the next job, as a worker does, and leaves it active. */
async function takeJob() {
  const worker = new Worker('sync', null, { prefix, connection: redis, autorun: false });
  const job = await worker.getNextJob('token');
  await worker.close();
  if (!job) throw new Error('There is no job to take.');
  return job;
}

describe('pushSales', () => {
  it('enqueues a job that is known by its content, and says so the second time', async () => {
    const first = await producer.pushSales(sales('a'));
    expect(first).toEqual({ jobId: expect.stringMatching(/^ps-/), status: 'accepted', state: 'waiting' });
    expect(await producer.pushSales(sales('a'))).toEqual({ ...first, status: 'known' });
    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 1 });
  });

  it('makes the data alone the payload of a plain BullMQ job', async () => {
    const data = sales('a');
    const { jobId } = await producer.pushSales(data);
    const job = await queue.getJob(jobId);
    expect(job).toMatchObject({ id: jobId, name: 'push_sales', data });
  });

  it.each([
    ['unknown members', '{"till":{"n":[null,true,1e-7]}}'],
    ['letters of all kinds', '{"note":"Crème brûlée 🍮 \\u0000 \\ud83d"}'],
    ['a member named __proto__', '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}'],
    ['99 levels of nesting', `{"deep":${'['.repeat(99)}${']'.repeat(99)}}`],
  ])('keeps %s unchanged', async (_what, json) => {
    const text = JSON.stringify(sales('a')).replace(/^\{/, `${json.slice(0, -1)},`);
    const { jobId } = await producer.pushSales(JSON.parse(text));
    expect(await storedText(jobId)).toBe(text);
  });

  it('keeps 9 MB unchanged', async () => {
    const data = sales('a', { note: 'é'.repeat(4_500_000) });
    const { jobId } = await producer.pushSales(data);
    expect(await storedText(jobId)).toBe(JSON.stringify(data));
  });

  it('sends what it was given, though the caller changes the object meanwhile', async () => {
    const transactions = [...sales('a').transactions];
    const data = { ...sales('a'), transactions };
    const pushed = producer.pushSales(data);
    const before = JSON.stringify(data);
    transactions.length = 0;
    expect(await storedText((await pushed).jobId)).toBe(before);
  });

  it('makes one job of the same sales from many at once, and tells exactly one that it was accepted', async () => {
    const others = [1, 2, 3].map(() => createSyncProducer({ redisUrl: testRedisUrl(), namespace }));
    const all = [producer, ...others];
    const results = await Promise.all(
      all.flatMap((one) => Array.from({ length: 25 }, () => one.pushSales(sales()))),
    );
    await Promise.all(others.map((other) => other.close()));
    expect(new Set(results.map(({ jobId }) => jobId)).size).toBe(1);
    expect(results.filter(({ status }) => status === 'accepted')).toHaveLength(1);
    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 1 });
  });

  it('takes a corrected payload for another', async () => {
    await producer.pushSales(sales('a'));
    expect(await producer.pushSales(sales('a', { corrected: true }))).toMatchObject({ status: 'accepted' });
  });

  it('refuses a bad payload with all its problems, and enqueues nothing', async () => {
    const bad = { ...sales(), date: '2026-02-30', locationId: '' };
    await expect(producer.pushSales(bad)).rejects.toMatchObject({
      name: 'InvalidPayloadError',
      code: 'INVALID_PAYLOAD',
      message:
        'The payload is not valid: date: must be a calendar date as YYYY-MM-DD; locationId: must not be empty',
      problems: [
        { path: 'date', message: 'must be a calendar date as YYYY-MM-DD' },
        { path: 'locationId', message: 'must not be empty' },
      ],
    });
    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 0 });
  });
});

describe('the state of known sales', () => {
  let jobId: string;
  const again = async () => producer.pushSales(sales('a'));

  async function enqueued() {
    ({ jobId } = await producer.pushSales(sales('a')));
  }

  it('is waiting, also while the queue is paused', async () => {
    await queue.pause();
    await enqueued();
    expect(await again()).toEqual({ jobId, status: 'known', state: 'waiting' });
  });

  it('is active while a worker has it', async () => {
    await enqueued();
    await takeJob();
    expect(await again()).toEqual({ jobId, status: 'known', state: 'active' });
  });

  it('is delayed between attempts', async () => {
    await enqueued();
    await (await takeJob()).moveToDelayed(Date.now() + 60_000, 'token');
    expect(await again()).toEqual({ jobId, status: 'known', state: 'delayed' });
  });

  it('is completed when it was done', async () => {
    await enqueued();
    await (await takeJob()).moveToCompleted('done', 'token', false);
    expect(await again()).toEqual({ jobId, status: 'known', state: 'completed' });
  });

  it('is failed when it was dead-lettered: to replay it is an operator’s decision', async () => {
    await enqueued();
    await (await takeJob()).moveToFailed(new Error('rejected'), 'token', false);
    expect(await again()).toEqual({ jobId, status: 'known', state: 'failed' });
  });

  it('is delivered when the job is gone and its delivery remembered: it is not enqueued again', async () => {
    await enqueued();
    await (await takeJob()).moveToCompleted('done', 'token', false);
    await redis.set(`${prefix}:circuit:delivered:${jobId}`, '1');
    expect(await again()).toEqual({ jobId, status: 'known', state: 'completed' });
    await queue.remove(jobId);
    expect(await again()).toEqual({ jobId, status: 'known', state: 'delivered' });
    expect(await queue.getJob(jobId)).toBeUndefined();
  });

  it('is waiting when a delivered payload was put back on purpose', async () => {
    await enqueued();
    await redis.set(`${prefix}:circuit:delivered:${jobId}`, '1');
    expect(await again()).toEqual({ jobId, status: 'known', state: 'waiting' });
  });

  it('is nothing any more when neither job nor mark is left', async () => {
    await enqueued();
    await queue.remove(jobId);
    expect(await again()).toEqual({ jobId, status: 'accepted', state: 'waiting' });
  });
});

describe('pushSalesMany', () => {
  it('enqueues in the order of the list, and answers in it', async () => {
    const known = await producer.pushSales(sales(7));
    const list = Array.from({ length: 600 }, (_, n) => sales(n));
    const results = await producer.pushSalesMany(list);
    expect(results.map(({ status }) => status === 'known')).toEqual(list.map((_, n) => n === 7));
    expect(results[7]?.jobId).toBe(known.jobId);
    const ids = (await queue.getWaiting(0, -1)).map(({ id }) => id);
    expect(ids).toEqual([
      known.jobId,
      ...results.map(({ jobId }) => jobId).filter((id) => id !== known.jobId),
    ]);
  });

  it('takes the same sales twice in a list for one job', async () => {
    const results = await producer.pushSalesMany([sales('a'), sales('b'), sales('a')]);
    expect(results.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'known']);
    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 2 });
  });

  it('enqueues nothing if one payload is bad, and names it by its index', async () => {
    const list = [sales('a'), { ...sales('b'), date: 'today' }, { ...sales('c'), transactions: [] }];
    await expect(producer.pushSalesMany(list)).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
      problems: [
        { path: '[1].date', message: 'must be a calendar date as YYYY-MM-DD' },
        { path: '[2].transactions', message: expect.stringContaining('at least one transaction') },
      ],
    });
    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 0 });
  });

  it('answers an empty list with an empty list', async () => {
    expect(await producer.pushSalesMany([])).toEqual([]);
  });
});

describe('fetchInventory', () => {
  it('is one job per location until that is finished', async () => {
    const first = await producer.fetchInventory({ locationId: 'a:1' });
    expect(first).toMatchObject({ status: 'accepted', state: 'waiting' });
    expect(await producer.fetchInventory({ locationId: 'a:1' })).toEqual({ ...first, status: 'known' });
    expect(await producer.fetchInventory({ locationId: 'b' })).toMatchObject({ status: 'accepted' });

    const job = await takeJob();
    expect(await producer.fetchInventory({ locationId: 'a:1' })).toEqual({
      jobId: first.jobId,
      status: 'known',
      state: 'active',
    });
    await job.moveToCompleted('done', 'token', false);
    const next = await producer.fetchInventory({ locationId: 'a:1' });
    expect(next).toMatchObject({ status: 'accepted' });
    expect(next.jobId).not.toBe(first.jobId);
  });

  it('is one job for many who ask at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, () => producer.fetchInventory({ locationId: 'a' })),
    );
    expect(results.filter(({ status }) => status === 'accepted')).toHaveLength(1);
    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 1 });
  });

  it('is refused without a location', async () => {
    await expect(producer.fetchInventory({ locationId: '' })).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
    });
  });
});

describe('createSyncProducer', () => {
  it.each([
    { redisUrl: 'http://127.0.0.1:6379' },
    { redisUrl: '' },
    { redisUrl: 'redis://127.0.0.1:6379', namespace: '{other}' },
    { redisUrl: 'redis://127.0.0.1:6379', namespace: '' },
  ])('refuses %j', (options) => {
    expect(() => createSyncProducer(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });

  it('gives a producer that closes once, and after that refuses', async () => {
    const other = createSyncProducer({ redisUrl: testRedisUrl(), namespace });
    const pushed = other.pushSales(sales('a'));
    await Promise.all([other.close(), other.close()]);
    expect(await pushed).toMatchObject({ status: 'accepted' });
    await expect(other.pushSales(sales('b'))).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
  });
});
