import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLease, LostTurnError } from '../../src/outbox/lease.ts';
import { deferred } from '../support/deferred.ts';
import { eventually } from '../support/eventually.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';

/** PGlite has one backend for all connections. */
const itOnServer = process.env['TEST_DATABASE_URL'] ? it : it.skip;
let bench: RelayBench;

beforeAll(async () => {
  bench = await relayBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.empty());

const lease = () => createLease(bench.redis, bench.namespace);

describe('of several relays', () => {
  it('one holds the lease; released it is taken at once, and without a word after a while', async () => {
    const [first, second] = [lease(), lease()];
    expect([await first.hold(), await second.hold(), await first.hold()]).toEqual([true, false, true]);
    await second.release();
    expect(await second.hold()).toBe(false);
    await first.release();
    expect(await second.hold()).toBe(true);
    await eventually(async () => expect(await first.hold()).toBe(true), 5_000);
  });

  it('the one that lost its turn changes nothing', async () => {
    const [first, second] = [relayOn(bench), relayOn(bench)];
    await ringUp(bench.sql, aSale('a'));
    await first.memory();
    await second.memory();
    await expect(first.step()).rejects.toThrow(LostTurnError);
    expect(await bench.sql`select * from conexxus.sale`).toHaveLength(0);
    expect(await bench.sql`select * from conexxus.outbox`).toHaveLength(1);
    await second.step();
    expect(await bench.sql`select * from conexxus.sale`).toHaveLength(1);
    // It begins anew when it is its turn again.
    first.forget();
    await first.step();
    await expect(second.step()).rejects.toThrow(LostTurnError);
  });

  itOnServer('the next one waits for what the other has begun', async () => {
    const [first, second] = [lease(), lease()];
    await bench.database.write((tx) => first.begin(tx));
    const order: string[] = [];
    const begun = deferred<undefined>();
    const ended = deferred<undefined>();
    const step = bench.database.write(async (tx) => {
      await first.check(tx);
      begun.resolve(undefined);
      await ended.promise;
      order.push('first');
    });
    await begun.promise;
    const turn = bench.database.write((tx) => second.begin(tx)).then(() => order.push('second'));
    await eventually(async () => {
      const [row] = await bench.sql`select count(*)::int as count from pg_locks where not granted`;
      expect(row).toEqual({ count: 1 });
    });
    ended.resolve(undefined);
    await Promise.all([step, turn]);
    expect(order).toEqual(['first', 'second']);
    await expect(bench.database.write((tx) => first.check(tx))).rejects.toThrow(LostTurnError);
  });

  it('none goes on with what it knew before a person changed something', async () => {
    const one = lease();
    await bench.database.write((tx) => one.begin(tx));
    await bench.sql`update conexxus.relay set held = 'restored', acts = acts + 1`;
    await expect(bench.database.write((tx) => one.check(tx))).rejects.toThrow(LostTurnError);
    expect(await bench.database.write((tx) => one.begin(tx))).toMatchObject({ held: 'restored' });
    expect(await bench.database.write((tx) => one.check(tx))).toMatchObject({ held: 'restored' });
  });
});
