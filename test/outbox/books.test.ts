import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sql as statement } from 'drizzle-orm';
import { areWrong, type Books, type Day, FATES, KINDS, readBooks } from '../../src/outbox/books.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { aLine, aPayload, aSale, DATE, someLines } from './tables.ts';

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

async function books(day: Partial<Day> = {}, named = 5): Promise<Books> {
  const read = await database.read((tx) => readBooks(tx, { date: DATE, ...day }, named));
  for (const accounts of [...read.stores, read.total]) {
    for (const kind of KINDS) {
      const account = accounts[kind];
      const fates = FATES.reduce((sum, fate) => sum + account[fate].count, 0);
      expect(fates).toBe(account.sold.count);
    }
  }
  return read;
}

/** Of a person at the till: through the function, into the outbox. */
async function ringUp(data: object, jobName = 'push_sales'): Promise<void> {
  await database.sql`select public.conexxus_enqueue(${jobName}, ${JSON.stringify(data)}::text::jsonb)`;
}

const sum = (count: number, money: string | null) => ({ count, money });
const NOTHING = sum(0, '0');

describe('the books of a day', () => {
  it('tell of each sale what became of it, and add up', async () => {
    await aSale(database.sql, { id: 'T-1', total: '10.99' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-2', total: '0.010' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-3', total: '3' }, { state: 'dead', reason: 'http_422: no such item' });
    await aSale(database.sql, { id: 'T-4', total: '4' }, { state: 'open' });
    await aSale(database.sql, { id: 'T-5', total: '-5' }, { state: 'apart' });
    await aSale(database.sql, { id: 'T-6', total: '6' }, { state: 'discarded' });
    await aLine(database.sql, { id: 'T-7', total: '7' });
    await aLine(database.sql, { id: 'T-8', total: '8', fate: 'apart', reason: 'bad' });
    await aLine(database.sql, { id: 'T-9', total: '9', fate: 'discarded' });
    for (const state of ['planned', 'splitting', 'split']) {
      await aSale(database.sql, { id: `T-${state}`, total: '100' }, { state });
    }
    const { stores, total, problems } = await books();
    const [store] = stores;
    expect(store?.locationId).toBe('store-7');
    expect(store?.sales).toEqual({
      sold: sum(12, '343'),
      delivered: sum(2, '11'),
      flagged: NOTHING,
      waiting: sum(5, '311'),
      dead: sum(1, '3'),
      discarded: sum(2, '15'),
      replaced: NOTHING,
      apart: sum(2, '3'),
    });
    expect(total.sales).toEqual(store?.sales);
    expect(store?.corrections.sold).toEqual(NOTHING);
    expect(problems).toMatchObject([
      { locationId: 'store-7', state: 'apart', count: 2 },
      {
        state: 'dead',
        count: 1,
        first: [{ transactionId: 'T-3', total: '3', reason: 'http_422: no such item' }],
      },
    ]);
  });

  it('sum money that no float could hold', async () => {
    await aSale(database.sql, { id: 'T-1', total: '0.1' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-2', total: '0.2' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-3', total: '90071992547409930000.07' }, { state: 'delivered' });
    expect((await books()).total.sales.delivered).toEqual(sum(3, '90071992547409930000.37'));
  });

  it('of a flagged answer flag those it names, and all where it names none', async () => {
    const lines = await someLines(database.sql, ['T-1', 'T-2', 'T-3']);
    await aPayload(database.sql, lines, { state: 'flagged', refused: ['T-2'] });
    const others = await someLines(database.sql, ['T-4', 'T-5']);
    await aPayload(database.sql, others, { state: 'flagged' });
    const { total, problems } = await books();
    expect(total.sales).toMatchObject({ delivered: sum(2, '3'), flagged: sum(3, '4.5') });
    expect(problems.map(({ first }) => first.map(({ transactionId }) => transactionId))).toEqual([
      ['T-2', 'T-4', 'T-5'],
    ]);
  });

  it('count a correction apart, and the sale that died before it as replaced', async () => {
    const { line } = await aSale(database.sql, { id: 'T-1', total: '5' }, { state: 'dead' });
    const later = await aSale(database.sql, { id: 'T-1', total: '6', corrects: line }, { state: 'open' });
    expect((await books()).total).toMatchObject({
      sales: { sold: sum(1, '5'), dead: sum(1, '5') },
      corrections: { sold: sum(1, '6'), waiting: sum(1, '6') },
    });
    await database.sql`update conexxus.payload set state = 'delivered' where id = ${later.id}`;
    const read = await books();
    expect(read.total).toMatchObject({
      sales: { sold: sum(1, '5'), replaced: sum(1, '5'), dead: NOTHING },
      corrections: { sold: sum(1, '6'), delivered: sum(1, '6') },
    });
    expect(areWrong(read)).toBe(false);
  });

  it('keep a dead sale dead though a till that counts from 1 every day sells one of the same id', async () => {
    await aSale(database.sql, { id: '1', date: '2026-11-23' }, { state: 'dead' });
    await aSale(database.sql, { id: '1', date: DATE }, { state: 'delivered' });
    expect((await books({ date: '2026-11-23' })).total.sales.dead.count).toBe(1);
  });

  it('count what holds no transaction as payloads', async () => {
    await aSale(database.sql, { id: null, total: null }, { state: 'delivered' });
    await aLine(database.sql, { id: null, total: null, fate: 'apart', reason: 'no transactions' });
    const { total, problems } = await books();
    expect(total.sales.sold).toEqual(NOTHING);
    expect(total.payloads).toMatchObject({
      sold: sum(2, null),
      delivered: sum(1, null),
      apart: sum(1, null),
    });
    expect(problems).toMatchObject([{ state: 'apart', first: [{ transactionId: null }] }]);
  });

  it('have what no relay has taken yet, as waiting', async () => {
    const item = { sku: 'a', quantity: 1, price: 2.5 };
    await ringUp({
      date: DATE,
      locationId: 'store-7',
      transactions: [
        { id: 'T-1', total: 2.5, items: [item] },
        { id: 'T-2', total: 0.1, items: [item] },
      ],
    });
    await ringUp({ date: DATE, locationId: 'store-8', summary: { totalOrders: 3 } });
    await ringUp({ date: 'yesterday', locationId: 'store-8', transactions: 'none' });
    await ringUp({
      date: '2026-02-30',
      locationId: 'store-8',
      transactions: [1, null, { id: 'T-3', total: '1' }],
    });
    await ringUp({ locationId: 'store-8' }, 'fetch_inventory');
    const { stores, total } = await books();
    expect(stores.map(({ locationId }) => locationId)).toEqual(['store-7', 'store-8']);
    expect(stores[0]?.sales).toMatchObject({ sold: sum(2, '2.6'), waiting: sum(2, '2.6') });
    expect(total.payloads.waiting.count).toBe(1);
  });

  it('are of one store or of all, each by itself and in total', async () => {
    await aSale(database.sql, { id: 'T-1', location: 'store-3', total: '3' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-1', location: 'store-7', total: '7' }, { state: 'dead' });
    await aSale(database.sql, { id: 'T-2', date: '2026-11-23' }, { state: 'dead' });
    const all = await books();
    expect(all.stores.map(({ locationId, sales }) => [locationId, sales.sold])).toEqual([
      ['store-3', sum(1, '3')],
      ['store-7', sum(1, '7')],
    ]);
    expect(all.total.sales.sold).toEqual(sum(2, '10'));
    const one = await books({ locationId: 'store-3' });
    expect(one.total.sales.sold).toEqual(sum(1, '3'));
    expect(areWrong(one)).toBe(false);
    expect(areWrong(all)).toBe(true);
  });

  it('of a store without a line are none, and say so of one that had some a week or a day before', async () => {
    await aSale(database.sql, { id: 'T-1' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-1', location: 'store-8', date: '2026-11-17' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-1', location: 'store-9', date: '2026-11-01' }, { state: 'delivered' });
    expect(await books({ locationId: 'store-99' })).toMatchObject({ stores: [], withoutBooks: [] });
    expect((await books()).withoutBooks).toEqual(['store-8']);
  });

  it('name what was set apart and may be of that day, and nothing that was set apart before', async () => {
    const line = await aLine(database.sql, { id: null, location: null, date: null, fate: 'apart' });
    await aLine(database.sql, { id: null, location: 'store-8', date: null, fate: 'discarded' });
    await database.sql`update conexxus.sale set since = '2026-11-24 08:00Z'`;
    expect(await books()).toMatchObject({ unplaced: 1, stores: [] });
    expect(await books({ locationId: 'store-7' })).toMatchObject({ unplaced: 1 });
    await database.sql`update conexxus.sale set location_id = 'store-8' where id = ${line}`;
    const elsewhere = await books({ locationId: 'store-7' });
    expect([elsewhere.unplaced, areWrong(elsewhere)]).toEqual([0, false]);
    expect(areWrong(await books({ locationId: 'store-8' }))).toBe(true);
    expect(await books({ date: '2026-11-26' })).toMatchObject({ unplaced: 0 });
  });

  it('name a few of what is wrong, and count all', async () => {
    for (let index = 0; index < 7; index += 1) {
      await aSale(database.sql, { id: `T-${index}` }, { state: 'dead' });
    }
    const { problems } = await books({}, 3);
    expect(problems).toMatchObject([{ count: 7, first: [{}, {}, {}] }]);
    expect(problems[0]?.first).toHaveLength(3);
  });

  it('need a right to the view alone', async () => {
    await aSale(database.sql, { id: 'T-1' }, { state: 'dead' });
    await ringUp({ date: DATE, locationId: 'store-7', transactions: [{ id: 'T-2', total: 1 }] });
    const role = `books_${process.pid}`;
    await database.sql.unsafe(`create role ${role}; grant select on public.conexxus_sales to ${role}`);
    try {
      const read = await database.read(async (tx) => {
        await tx.execute(statement.raw(`set local role ${role}`));
        return readBooks(tx, { date: DATE }, 5);
      });
      expect(read.total.sales.sold.count).toBe(2);
    } finally {
      await database.sql.unsafe(`drop owned by ${role}; drop role ${role}`);
    }
  });
});
