import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { createDeathReader } from '../../../src/ops/alerts/deaths.ts';
import { openQueue } from '../../../src/sync/queue.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';
import { makeSales } from '../../support/sales.ts';

let redis: Redis;
let queue: Queue;

beforeEach(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  queue = openQueue(redis, uniqueNamespace());
});
afterEach(async () => {
  await queue.obliterate({ force: true });
  await queue.close();
  redis.disconnect();
});

/** As BullMQ keeps a failed job. */
async function die(
  id: string,
  reason: string,
  diedAt: number,
  fields: Record<string, string> = {},
): Promise<void> {
  const data = JSON.stringify(makeSales(1)[0]);
  await redis.hset(queue.toKey(id), {
    name: 'push_sales',
    data,
    failedReason: reason,
    finishedOn: String(diedAt),
    ...fields,
  });
  await redis.zadd(queue.toKey('failed'), diedAt, id);
}

describe('who died since the last look', () => {
  it('is told once, by reason; who died before the first look, never', async () => {
    const before = Date.now();
    await die('old', 'refused: 1', before - 5_000);
    const read = createDeathReader({ redis, queue });
    const { until, groups } = await read(null);
    expect(groups).toEqual([]);
    await die('a', 'refused: sale 17', Date.now());
    await die('b', 'refused: sale 18', Date.now());
    await die('c', 'http_404: gone', Date.now());
    const died = await read(until);
    expect(died.groups.map(({ count, reason }) => [count, reason.split(':')[0]])).toEqual([
      [2, 'refused'],
      [1, 'http_404'],
    ]);
    expect((await read(died.until)).groups).toEqual([]);
  });

  it('is not missed where a worker’s clock is behind, nor told again by a successor', async () => {
    const read = createDeathReader({ redis, queue });
    const { until } = await read(null);
    await die('a', 'refused: 1', Date.now() + 1);
    const first = await read(until);
    await die('late', 'refused: 2', Date.now() - 4_000);
    const second = await read(first.until);
    expect(second.groups.map(({ count }) => count)).toEqual([1]);
    expect((await createDeathReader({ redis, queue })(second.until)).groups).toEqual([]);
  });

  it('is counted again where it died again, and not where it waits to be split', async () => {
    const read = createDeathReader({ redis, queue });
    const { until } = await read(null);
    await die('a', 'refused: 1', Date.now());
    const first = await read(until);
    await die('a', 'refused: 1', Date.now() + 10);
    const [sale] = makeSales(2).map(({ transactions }) => transactions?.[0]);
    const batch = { ...makeSales(1)[0], transactions: [sale, { ...sale, id: 'another' }] };
    await die('batch', 'refused: 2', Date.now(), { splits: '1', data: JSON.stringify(batch) });
    expect((await read(first.until)).groups.map(({ count }) => count)).toEqual([1]);
  });
});
