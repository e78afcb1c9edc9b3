import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectRedis } from '../../src/base/redis.ts';
import { readCounts, readWrittenCounts, writeCounts } from '../../src/outbox/counts.ts';
import { type OutboxBench, outboxBench, ringUp } from '../support/outbox.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { aLine, aPayload, aSale, someLines } from './tables.ts';

let pos: OutboxBench;

beforeAll(async () => {
  pos = await outboxBench();
});

afterAll(() => pos.close());

const counts = () => pos.database.read(readCounts);

describe('the counts of the outbox', () => {
  it('of an empty one are 0', async () => {
    expect(await counts()).toEqual({
      untaken: 0,
      waiting: 0,
      enqueued: 0,
      dead: 0,
      apart: 0,
      oldestMs: null,
      held: false,
    });
  });

  it('are of all stores, and of what is not settled', async () => {
    const { sql } = pos.database;
    await ringUp(sql, { date: '2026-11-24' });
    await aLine(sql, { id: 'T-1', agoMs: 90_000 });
    await aLine(sql, { id: 'T-2', location: 'store-8' });
    await aLine(sql, { id: 'T-3', fate: 'apart' });
    await aLine(sql, { id: 'T-4', fate: 'discarded' });
    const splitting = await someLines(sql, ['A', 'B', 'C']);
    await aPayload(sql, splitting.slice(0, 1), { state: 'planned' });
    await aPayload(sql, splitting.slice(1), { state: 'planned' });
    await aPayload(sql, splitting, { state: 'splitting' });
    await aSale(sql, { id: 'T-5' }, { state: 'open' });
    await aSale(sql, { id: 'T-6' }, { state: 'dead' });
    await aSale(sql, { id: 'T-7' }, { state: 'apart' });
    await aSale(sql, { id: 'T-8' }, { state: 'delivered' });
    await sql`update conexxus.relay set held = 'restored'`;
    const seen = await counts();
    expect(seen).toMatchObject({ untaken: 1, waiting: 2, enqueued: 4, dead: 1, apart: 2, held: true });
    expect(seen.oldestMs).toBeGreaterThanOrEqual(90_000);
    expect(seen.oldestMs).toBeLessThan(120_000);
  });

  it('are read as they were written, with their age; nobody counted: there are none', async () => {
    const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
    const namespace = uniqueNamespace();
    expect(await readWrittenCounts(redis, namespace)).toBe(null);
    const written = await counts();
    await writeCounts(redis, namespace, written);
    await redis.pexpire(`{${namespace}}:outbox:counts`, 86_400_000 - 30_000);
    const read = await readWrittenCounts(redis, namespace);
    expect(read?.counts).toEqual(written);
    expect(read?.agoMs).toBeGreaterThanOrEqual(30_000);
    expect(read?.agoMs).toBeLessThan(35_000);
    await redis.del(`{${namespace}}:outbox:counts`);
    redis.disconnect();
  });
});
