import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { createFetchPlaces, type FetchPlaces, type Reservation } from '../../src/sync/fetch-places.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

let redis: Redis;
let other: Redis;
let places: FetchPlaces;
let ofOther: FetchPlaces;

beforeEach(() => {
  const namespace = uniqueNamespace();
  const options = { namespace, leaseMs: 600 };
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  other = connectRedis(testRedisUrl(), 'patient', () => undefined);
  places = createFetchPlaces({ redis, ...options });
  ofOther = createFetchPlaces({ redis: other, ...options });
});

afterEach(() => {
  redis.disconnect();
  other.disconnect();
});

async function taken(from: FetchPlaces): Promise<Reservation> {
  const place = await from.take();
  if (place === undefined) throw new Error('no place is free');
  return place;
}

describe('the places to fetch a catalog', () => {
  it('are two in the whole fleet, however many ask at once', async () => {
    const asked = await Promise.all(Array.from({ length: 50 }, (_, n) => (n % 2 ? places : ofOther).take()));
    expect(asked.filter((place) => place !== undefined)).toHaveLength(2);
    for (const place of asked) await place?.release();
  });

  it('are free again at once when one is given back, and only that one', async () => {
    const [first, second] = [await taken(places), await taken(ofOther)];
    await first.release();
    const third = await taken(ofOther);
    // Given back once more, it is no longer this one's to give.
    await first.release();
    expect(await places.take()).toBeUndefined();
    await Promise.all([second.release(), third.release()]);
  });

  it('are kept for as long as the process lives', async () => {
    const [first, second] = [await taken(places), await taken(places)];
    const until = performance.now() + 1_500;
    await eventually(async () => {
      expect(await ofOther.take()).toBeUndefined();
      expect(performance.now()).toBeGreaterThan(until);
    });
    await Promise.all([first.release(), second.release()]);
  });

  it('of a process that died are free a moment later', async () => {
    await Promise.all([taken(places), taken(places)]);
    redis.disconnect();
    expect(await ofOther.take()).toBeUndefined();
    await eventually(async () => {
      const place = await taken(ofOther);
      await place.release();
    });
  });
});
