import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { compareWithTill, isDifferent } from '../../src/outbox/compare.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { aLine, aSale, DATE } from './tables.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
  await migrateOutbox(database);
});

afterEach(async () => {
  await database.sql`truncate conexxus.outbox, conexxus.sale, conexxus.payload`;
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

function compare(
  list: Readonly<Record<string, string>> | [string, string][],
  locationId?: string,
  named = 5,
) {
  const entries = Array.isArray(list) ? list : Object.entries(list);
  const sales = entries.map(([id, total]) => ({ id, total }));
  return database.read((tx) => compareWithTill(tx, { date: DATE, locationId }, sales, named));
}

const none = { count: 0, first: [] };

describe('the till beside the books', () => {
  it('agrees where all totals are the same numbers, whatever became of the sales', async () => {
    await aSale(database.sql, { id: 'T-1', total: '1.5' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-2', total: '2.00' }, { state: 'dead' });
    await aLine(database.sql, { id: 'T-3', total: '-3' });
    const found = await compare({ 'T-1': '1.50', 'T-2': '2', 'T-3': '-03.000' });
    expect(found).toEqual({
      till: { count: 3, money: '0.5' },
      books: { count: 3, money: '0.5' },
      difference: '0',
      missing: none,
      unknown: none,
      differing: none,
    });
    expect(isDifferent(found)).toBe(false);
  });

  it('names what one of them has alone, and totals that differ', async () => {
    await aSale(database.sql, { id: 'T-1', total: '1' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-2', total: '2' }, { state: 'delivered' });
    const found = await compare({ 'T-1': '1.01', 'T-3': '3' });
    expect(found).toEqual({
      till: { count: 2, money: '4.01' },
      books: { count: 2, money: '3' },
      difference: '1.01',
      missing: { count: 1, first: [{ id: 'T-3', till: '3', books: null }] },
      unknown: { count: 1, first: [{ id: 'T-2', till: null, books: '2' }] },
      differing: { count: 1, first: [{ id: 'T-1', till: '1.01', books: '1' }] },
    });
    expect(isDifferent(found)).toBe(true);
  });

  it('is of one store where one is given, and of two sales where two stores use one id', async () => {
    await aLine(database.sql, { id: '1', total: '1', location: 'store-7' });
    await aLine(database.sql, { id: '1', total: '2', location: 'store-8' });
    expect(isDifferent(await compare({ '1': '1' }, 'store-7'))).toBe(false);
    const both: [string, string][] = [
      ['1', '2.0'],
      ['1', '1'],
    ];
    expect(isDifferent(await compare(both))).toBe(false);
    expect((await compare(both, 'store-8')).missing.first).toEqual([{ id: '1', till: '1', books: null }]);
  });

  it('goes by the last correction, taken by a relay or not', async () => {
    const line = await aLine(database.sql, { id: 'T-1', total: '1' });
    await aLine(database.sql, { id: 'T-1', total: '2', corrects: line });
    expect(isDifferent(await compare({ 'T-1': '2' }))).toBe(false);
    const data = { date: DATE, locationId: 'store-7', transactions: [{ id: 'T-1', total: 3 }] };
    await database.sql`select public.conexxus_enqueue('push_sales', ${JSON.stringify(data)}::text::jsonb)`;
    expect(isDifferent(await compare({ 'T-1': '3' }))).toBe(false);
  });

  it('misses no discarded sale on the till, and takes one that the till has all the same', async () => {
    await aLine(database.sql, { id: 'T-1', total: '1', fate: 'discarded' });
    expect(isDifferent(await compare({}))).toBe(false);
    expect(isDifferent(await compare({ 'T-1': '1' }))).toBe(false);
  });

  it('counts all and names a few, of a list of any length', async () => {
    const list = Array.from({ length: 20_000 }, (_, n): [string, string] => [`T-${n}`, '0.01']);
    const found = await compare(list, 'store-7', 3);
    expect(found).toMatchObject({ missing: { count: 20_000 }, till: { money: '200' }, difference: '200' });
    expect(found.missing.first).toHaveLength(3);
  });
});
