import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { createDeathReader, type Deaths } from '../../../src/ops/alerts/deaths.ts';
import { openQueue } from '../../../src/sync/queue.ts';
import { eventually } from '../../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';
import { makeSales } from '../../support/sales.ts';
import { type DeadLetter, dieIn } from './dead.ts';

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

const die = (...letter: DeadLetter) => dieIn({ redis, queue }, ...letter);

/** Later than that time, and the clock is past it: what is to come is no border for the next look. */
async function diesAfter(time: number | null, id: string): Promise<void> {
  const diedAt = Number(time) + 1;
  await die(id, 'refused: 1', diedAt);
  await eventually(() => expect(Date.now()).toBeGreaterThan(diedAt));
}

/** Looks as a dashboard does that can write down what it tells. */
function dashboard(): (since: number | null) => Promise<Deaths> {
  const deaths = createDeathReader({ redis, queue });
  return async (since) => {
    const died = await deaths.read(since);
    deaths.told();
    return died;
  };
}

function counts({ groups }: Deaths): number[] {
  return groups.map(({ count }) => count);
}

describe('who died since the last look', () => {
  it('is told once, by reason; who died before the first look, never', async () => {
    await die('old', 'refused: 1', Date.now() - 5_000);
    const read = dashboard();
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

  it('is told where it died in the very millisecond of the first look, or by a clock behind it', async () => {
    await die('old', 'refused: 1', Date.now() + 1_000);
    const read = dashboard();
    const { until } = await read(null);
    await die('same', 'refused: 2', Number(until));
    await die('behind', 'refused: 3', Number(until) - 4_000);
    expect(counts(await read(until))).toEqual([2]);
  });

  it('is not missed where a worker’s clock is behind, nor told again by a successor', async () => {
    const read = dashboard();
    const { until } = await read(null);
    await diesAfter(until, 'a');
    const first = await read(until);
    await die('late', 'refused: 2', Date.now() - 4_000);
    const second = await read(first.until);
    expect(counts(second)).toEqual([1]);
    expect((await dashboard()(second.until)).groups).toEqual([]);
  });

  it('is found again where it could not be written down', async () => {
    const deaths = createDeathReader({ redis, queue });
    const { until } = await deaths.read(null);
    deaths.told();
    await die('a', 'refused: 1', Number(until));
    expect(counts(await deaths.read(until))).toEqual([1]);
    const again = await deaths.read(until);
    deaths.told();
    expect(counts(again)).toEqual([1]);
    expect(counts(await deaths.read(again.until))).toEqual([]);
  });

  it('is not told again by one whose turn it is once more after another one’s', async () => {
    const [mine, theirs] = [dashboard(), dashboard()];
    const { until } = await mine(null);
    await diesAfter(until, 'a');
    const told = await theirs(until);
    expect(counts(told)).toEqual([1]);
    expect(counts(await mine(told.until))).toEqual([]);
  });

  it('is counted again where it died again, and not where it waits to be split', async () => {
    const read = dashboard();
    const { until } = await read(null);
    await die('a', 'refused: 1', Date.now());
    const first = await read(until);
    await die('a', 'refused: 1', Date.now() + 10);
    const [sale] = makeSales(2).map(({ transactions }) => transactions?.[0]);
    const batch = { ...makeSales(1)[0], transactions: [sale, { ...sale, id: 'another' }] };
    await die('batch', 'refused: 2', Date.now(), { splits: '1', data: JSON.stringify(batch) });
    expect(counts(await read(first.until))).toEqual([1]);
  });
});
