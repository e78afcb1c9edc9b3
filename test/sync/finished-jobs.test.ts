import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { createFinishedJobs, type FinishedJobs } from '../../src/sync/finished-jobs.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

let redis: Redis;
let namespace: string;
let finished: FinishedJobs[];
const key = (suffix: string) => `{${namespace}}:sync:${suffix}`;

beforeEach(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  namespace = uniqueNamespace();
  finished = [];
});

afterEach(async () => {
  await Promise.all(finished.map((jobs) => jobs.stop()));
  const keys = await redis.keys(`{${namespace}}:*`);
  if (keys.length > 0) await redis.del(keys);
  redis.disconnect();
});

/** As BullMQ keeps them; `job-0` is the oldest. */
async function shelve(count: number, set = 'completed'): Promise<void> {
  const pipeline = redis.pipeline();
  for (let index = 0; index < count; index += 1) {
    pipeline.hset(key(`${set}-${index}`), { name: 'push_sales', data: '{}' });
    pipeline.rpush(key(`${set}-${index}:logs`), 'a line');
    pipeline.zadd(key(set), index, `${set}-${index}`);
  }
  await pipeline.exec();
}

async function bound(max: number, processes = 1): Promise<void> {
  const jobs = Array.from({ length: processes }, () => createFinishedJobs({ redis, namespace, max }));
  finished.push(...jobs);
  await Promise.all(jobs.map((one) => one.start()));
}

const left = async () => (await redis.keys(key('*'))).sort();

describe('finished jobs', () => {
  it('beyond the limit go, the oldest first, with all that belongs to them', async () => {
    await shelve(7);
    await bound(2);
    expect(await redis.zrange(key('completed'), '0', '-1')).toEqual(['completed-5', 'completed-6']);
    expect(await left()).toEqual(
      ['completed', 'completed-5', 'completed-5:logs', 'completed-6', 'completed-6:logs'].map(key).sort(),
    );
  });

  it.each([0, 1, 7])('of exactly the limit stay, all %d', async (count) => {
    await shelve(count);
    await bound(count);
    expect(await redis.zcard(key('completed'))).toBe(count);
  });

  it('fewer than the limit stay', async () => {
    await shelve(3);
    await bound(5);
    expect(await redis.zcard(key('completed'))).toBe(3);
  });

  it('go in small steps, and by many processes at once no more than are too many', async () => {
    await shelve(2_345);
    await bound(1_000, 3);
    expect(await redis.zcard(key('completed'))).toBe(1_000);
    expect(await redis.zrange(key('completed'), '0', '0')).toEqual(['completed-1345']);
  });

  it('alone go: dead letters stay, however many', async () => {
    await shelve(3, 'failed');
    await bound(0);
    expect(await redis.zcard(key('failed'))).toBe(3);
    expect(await redis.exists(key('failed-0'))).toBe(1);
  });
});
