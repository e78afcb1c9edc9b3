import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { readStatus } from '../../src/outbox/status.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { aLine, aPayload, aSale, someLines } from './tables.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
  await migrateOutbox(database);
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

const status = () => database.read(readStatus);

describe('the status of the outbox', () => {
  it('of an empty one is nothing at all', async () => {
    expect(await status()).toMatchObject({
      held: null,
      untaken: { rows: 0, oldestAt: null },
      stores: [],
      gathered: { of: 'all kept', payloads: 0, sales: 0, salesPerPayload: null },
    });
  });

  it('counts by store what waits, since when, and what became of the rest', async () => {
    await aLine(database.sql, { id: 'T-1' });
    await aLine(database.sql, { id: 'T-2', agoMs: 90_000 });
    await aLine(database.sql, { id: 'T-3', fate: 'apart' });
    await aLine(database.sql, { id: 'T-4', fate: 'discarded' });
    const splitting = await someLines(database.sql, ['A', 'B', 'C']);
    await aPayload(database.sql, splitting.slice(0, 1), { state: 'planned' });
    await aPayload(database.sql, splitting.slice(1), { state: 'planned' });
    await aPayload(database.sql, splitting, { state: 'splitting' });
    await aSale(database.sql, { id: 'T-5' }, { state: 'dead' });
    await aSale(database.sql, { id: 'T-6' }, { state: 'dead' });
    await aSale(database.sql, { id: 'T-6' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-7' }, { state: 'apart' });
    const flagged = await someLines(database.sql, ['D', 'E', 'F']);
    await aPayload(database.sql, flagged, { state: 'flagged', refused: ['E'] });
    await aSale(database.sql, { id: 'T-8', location: 'store-8' }, { state: 'flagged' });
    await aLine(database.sql, { id: null, location: null, fate: 'apart' });
    const { stores, now, gathered } = await status();
    const [first, ...others] = stores;
    expect(first).toEqual({
      locationId: 'store-7',
      waiting: 2,
      oldestWaitingAt: expect.any(Number),
      enqueued: 3,
      dead: 1,
      apart: 2,
      replaced: 1,
      discarded: 1,
      delivered: 3,
      flagged: 1,
    });
    const age = now - (first?.oldestWaitingAt ?? 0);
    expect(age).toBeGreaterThanOrEqual(90_000);
    expect(age).toBeLessThan(120_000);
    expect(others.map(({ locationId, flagged: count, apart }) => [locationId, count, apart])).toEqual([
      [null, 0, 1],
      ['store-8', 1, 0],
    ]);
    expect(gathered).toEqual({ of: 'last day', payloads: 3, sales: 5, salesPerPayload: '1.7' });
    await database.sql`update conexxus.payload set since = now() - interval '3 days'`;
    expect(await status()).toMatchObject({ gathered: { of: 'all kept', salesPerPayload: '1.7' } });
  });

  it('tells what no relay has taken, and that the relays are held', async () => {
    await database.sql`select public.conexxus_enqueue('push_sales', '{}')`;
    await database.sql`update conexxus.relay set held = 'the event log is ahead'`;
    const { untaken, held, now } = await status();
    expect([untaken.rows, held]).toEqual([1, 'the event log is ahead']);
    expect(now - (untaken.oldestAt ?? 0)).toBeLessThan(60_000);
  });
});
