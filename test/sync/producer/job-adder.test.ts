import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { claimKey, deliveredMarkKey } from '../../../src/circuit/keys.ts';
import { readToBeSplit } from '../../../src/sync/dead-letters/splits.ts';
import { createJobAdder, type Entry, type JobAdder } from '../../../src/sync/producer/job-adder.ts';
import { openQueueConnection } from '../../../src/sync/producer/queue-connection.ts';
import { openQueue } from '../../../src/sync/queue.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';
import { sales } from '../sales.ts';

const RETENTION_MS = 600_000;

let redis: Redis;
let namespace: string;
let queue: Queue;
let adder: JobAdder;
const adders: JobAdder[] = [];

beforeAll(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});

beforeEach(() => {
  namespace = uniqueNamespace();
  queue = openQueue(redis, namespace);
  const connection = openQueueConnection(testRedisUrl(), () => undefined);
  adder = createJobAdder(connection, namespace);
  adders.push(adder);
});

afterAll(async () => {
  await Promise.all(adders.map((each) => each.close()));
  redis.disconnect();
});

const entryOf = (jobId: string, more: Partial<Entry> = {}): Entry => ({
  name: 'push_sales',
  jobId,
  json: JSON.stringify(sales(jobId)),
  ...more,
});
const isMarked = (jobId: string) => readToBeSplit(redis, namespace, jobId);
const claimOf = (jobId: string) => redis.get(claimKey(namespace, jobId));

describe('an entry that splits', () => {
  it('is a job that says so; those beside it do not', async () => {
    const added = await adder.add([entryOf('a'), entryOf('b', { splits: true }), entryOf('c')]);
    expect(added.map(({ jobId, status }) => [jobId, status])).toEqual([
      ['a', 'accepted'],
      ['b', 'accepted'],
      ['c', 'accepted'],
    ]);
    expect(await Promise.all(['a', 'b', 'c'].map(isMarked))).toEqual([false, true, false]);
    expect(await queue.getJob('b')).toMatchObject({ name: 'push_sales', data: sales('b') });
  });

  it('marks no job that was there before', async () => {
    await queue.add('push_sales', sales('a'), { jobId: 'a', timestamp: 1_000 });
    const added = await adder.add([entryOf('a', { splits: true }), entryOf('b', { splits: true })]);
    expect(added.map(({ status }) => status)).toEqual(['known', 'accepted']);
    expect(await Promise.all(['a', 'b'].map(isMarked))).toEqual([false, true]);
  });

  it('leaves no trace where its delivery is remembered', async () => {
    await redis.set(deliveredMarkKey(namespace, 'a'), 'a permission');
    const entry = entryOf('a', { splits: true, inDoubtForMs: RETENTION_MS });
    expect(await adder.add([entry])).toEqual([{ jobId: 'a', status: 'known', state: 'delivered' }]);
    expect(await redis.exists(queue.toKey('a'), claimKey(namespace, 'a'))).toBe(0);
  });
});

describe('an entry in doubt', () => {
  it('has a claim that says so, for as long as it is told; those beside it have none', async () => {
    const added = await adder.add([entryOf('a'), entryOf('b', { inDoubtForMs: RETENTION_MS, splits: true })]);
    expect(added.map(({ status }) => status)).toEqual(['accepted', 'accepted']);
    expect(await claimOf('a')).toBeNull();
    expect(await claimOf('b')).toMatch(/^recorded\|[^|]+\|0$/);
    const left = await redis.pttl(claimKey(namespace, 'b'));
    expect(left).toBeGreaterThan(RETENTION_MS - 10_000);
    expect(left).toBeLessThanOrEqual(RETENTION_MS);
  });

  it('changes nothing of what is known of the payload', async () => {
    await redis.set(claimKey(namespace, 'a'), 'recorded|a permission|2', 'PX', RETENTION_MS);
    const [added] = await adder.add([entryOf('a', { inDoubtForMs: 1 })]);
    expect(added).toMatchObject({ status: 'accepted' });
    expect(await claimOf('a')).toBe('recorded|a permission|2');
    expect(await redis.pttl(claimKey(namespace, 'a'))).toBeGreaterThan(1_000);
  });
});
