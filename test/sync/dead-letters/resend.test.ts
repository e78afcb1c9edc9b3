import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { deliveredMarkKey } from '../../../src/circuit/keys.ts';
import { eventStreamKey, type SyncEvent } from '../../../src/events/event.ts';
import { ResendRefusedError, resend } from '../../../src/sync/dead-letters/resend.ts';
import { parseJob, type SyncJob } from '../../../src/sync/jobs/jobs.ts';
import { openQueue, queuePrefix } from '../../../src/sync/queue.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';
import { sales } from '../sales.ts';

const WORD = { actor: 'olga', reason: 'they lost a day' };

let redis: Redis;
let namespace: string;
let queue: Queue;

beforeAll(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});

beforeEach(() => {
  namespace = uniqueNamespace();
  queue = openQueue(redis, namespace);
});

afterAll(() => redis.disconnect());

function job(name: string, data: unknown): SyncJob {
  const parsed = parseJob(name, data);
  if (!parsed.ok) throw new Error('not valid');
  return parsed.job;
}

const SALE = job('push_sales', sales('a'));
const KEY = SALE.syncKey ?? '';

const noPayload = () => Promise.reject(new Error('was not needed'));
const again = (id: string, payload: () => Promise<SyncJob> = noPayload) =>
  resend({ redis, queue, namespace, redact: (text) => text }, { id, word: WORD, payload });
const mark = () => redis.get(deliveredMarkKey(namespace, KEY));

async function events(): Promise<SyncEvent[]> {
  const entries = await redis.xrange(eventStreamKey(namespace), '-', '+');
  return entries.map(([, fields]): SyncEvent => JSON.parse(fields[1] ?? ''));
}

async function completed(jobId: string, { name, data }: SyncJob = SALE): Promise<void> {
  await queue.add(name, data, { jobId });
  const connection = redis.duplicate();
  const worker = new Worker('sync', async () => 'done', { prefix: queuePrefix(namespace), connection });
  await new Promise((resolve) => worker.once('completed', resolve));
  await worker.close();
  connection.disconnect();
  await redis.set(deliveredMarkKey(namespace, KEY), 'a permission');
}

describe('resend', () => {
  it('forgets the delivery, and puts the job back into the queue with who and why', async () => {
    await completed(KEY);
    expect(await again(KEY)).toEqual({ jobId: KEY, syncKey: KEY });
    expect(await mark()).toBeNull();
    expect(await queue.getJobState(KEY)).toBe('waiting');
    expect(await redis.hget(queue.toKey(KEY), 'replays')).toBe('1');
    expect(await events()).toMatchObject([
      {
        type: 'conexxus.operator.resend',
        aggregateId: KEY,
        locationId: 'store-1',
        transactionIds: ['sale-a'],
        payload: { ...WORD, action: 'resend', data: JSON.stringify(sales('a')) },
      },
    ]);
  });

  it('keeps the key of a job that another client named', async () => {
    await completed('mine-1');
    expect(await again('mine-1')).toEqual({ jobId: 'mine-1', syncKey: KEY });
    expect(await mark()).toBeNull();
  });

  it('adds the job again where the queue has forgotten it, if it is given the payload', async () => {
    await redis.set(deliveredMarkKey(namespace, KEY), 'a permission');
    expect(await again('mine-1', async () => SALE)).toEqual({ jobId: KEY, syncKey: KEY });
    expect(await mark()).toBeNull();
    expect((await queue.getJob(KEY))?.data).toEqual(sales('a'));
    expect(await queue.getJobState(KEY)).toBe('waiting');
    expect(await events()).toHaveLength(1);
  });

  it.each([
    ['completed', () => completed(KEY), noPayload],
    ['forgotten by the queue', async () => undefined, async () => SALE],
  ])('of many who ask at once, one sends it: %s', async (_what, prepare, payload) => {
    await prepare();
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => again(KEY, payload)));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refusals = asked.filter((each) => each.status === 'rejected').map(({ reason }): unknown => reason);
    expect(refusals.every((reason) => reason instanceof ResendRefusedError)).toBe(true);
    expect(await redis.lrange(queue.toKey('wait'), 0, -1)).toEqual([KEY]);
    expect(await events()).toHaveLength(1);
  });

  it('refuses what is still on its way, and changes nothing', async () => {
    await queue.add('push_sales', SALE.data, { jobId: KEY });
    await redis.set(deliveredMarkKey(namespace, KEY), 'a permission');
    await expect(again(KEY)).rejects.toThrow(`${KEY} is not delivered yet: it is waiting`);
    expect(await mark()).toBe('a permission');
    expect(await events()).toEqual([]);
  });

  it('refuses a dead letter, which is to be replayed', async () => {
    await queue.add('push_sales', SALE.data, { jobId: KEY });
    await redis.lrem(queue.toKey('wait'), 0, KEY);
    await redis.zadd(queue.toKey('failed'), 1_000, KEY);
    await expect(again(KEY)).rejects.toThrow('replay it instead');
  });

  it('refuses to fetch a catalog again: that is enqueued anew', async () => {
    await completed('fetch-1', job('fetch_inventory', { locationId: 'store-1' }));
    await expect(again('fetch-1')).rejects.toThrow('enqueue it anew instead');
    expect(await queue.getJobState('fetch-1')).toBe('completed');
  });
});
