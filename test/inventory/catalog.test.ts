import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectDatabase } from '../../src/base/database.ts';
import { hear } from '../../src/base/happenings.ts';
import { JsonNumber } from '../../src/base/json-number.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { type Catalog, createCatalog } from '../../src/inventory/catalog.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;
let catalog: Catalog;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
  await migrateDatabase(database);
  catalog = createCatalog(database);
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

/** As it comes from the wire: numbers keep their digits. */
function asRead(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item;
  const members = Object.entries(item).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'number' ? new JsonNumber(String(value)) : value,
  ]);
  return Object.fromEntries(members);
}

async function fetched(
  locationId: string,
  items: readonly unknown[],
  to: Catalog = catalog,
  signal?: AbortSignal,
) {
  const incoming = to.receive();
  for (const item of items) incoming.add(asRead(item));
  return to.replace(locationId, incoming, signal);
}

const item = (sku: string, more: object = {}) => ({ sku, name: sku, price: 1, ...more });

const missing = async (locationId: string) => {
  const rows = await database.sql`
    select sku from inventory_items where location_id = ${locationId} and missing_since is not null order by sku`;
  return rows.map(({ sku }) => String(sku));
};

const stored = async (locationId: string) =>
  Array.from(
    await database.sql`
      select sku, name, trim_scale(price)::text as price, category, description, first_seen_at, updated_at
      from inventory_items where location_id = ${locationId} order by sku`,
  );

const priceOf = async (price: unknown) => {
  const locationId = `price-${String(price)}`;
  const update = await fetched(locationId, [{ sku: 'A', name: 'Apple', price }]);
  return { update, price: (await stored(locationId))[0]?.['price'] };
};

describe('catalog', () => {
  it.each([
    [0, '0'],
    [-0, '0'],
    [0.1, '0.1'],
    [0.29, '0.29'],
    [1.005e2, '100.5'],
    [19.99, '19.99'],
    [10.1, '10.1'],
    [4.35, '4.35'],
    [1.005, '1.005'],
    [0.0001, '0.0001'],
    [99999999.99, '99999999.99'],
    [9999999999.9999, '9999999999.9999'],
  ])('stores the price %p exactly', async (price, text) => {
    expect(await priceOf(price)).toMatchObject({ update: { status: 'success' }, price: text });
  });

  it.each([
    ['0.1 + 0.2', 0.1 + 0.2, '0.3'],
    ['0.7 + 0.1', 0.7 + 0.1, '0.8'],
    ['1.1 * 3', 1.1 * 3, '3.3'],
    ['4.35 * 100', 4.35 * 100, '435'],
    ['3.459 as a single', Math.fround(3.459), '3.459'],
    ['1234.56 as a single', Math.fround(1234.56), '1234.56'],
    ['0.0105 as a single', Math.fround(0.0105), '0.0105'],
  ])('stores %s as the price that it stands for', async (_what, price, text) => {
    expect(String(price)).not.toBe(text);
    expect(await priceOf(price)).toMatchObject({ update: { status: 'success' }, price: text });
  });

  it.each([
    1e-7,
    0.00001,
    3.45901,
    19.99001,
    // The most digits that a person's number has for certain.
    1.23456789012345,
    9999999999.99991,
    // A single has more than one price of seven digits: which one was meant is lost.
    Math.fround(131072.01),
    -0.01,
    -1e-17,
    1e10,
    12345678901.2,
    1e21,
    Number.NaN,
    Infinity,
    '19.99',
    null,
    undefined,
  ])('refuses the price %p', async (price) => {
    const { update } = await priceOf(price);
    expect(update).toMatchObject({ status: 'failed', processed: 1, succeeded: 0, failed: 1 });
    expect(update.errors).toEqual([{ index: 0, sku: 'A', problems: [expect.stringMatching(/^price: /)] }]);
  });

  it('stores the good items and names the bad ones', async () => {
    const update = await fetched('mixed', [
      { sku: 'A', name: 'Apple', price: 1, category: 'fruit', description: null, colour: 'red' },
      { sku: '', name: 'Nameless', price: 1 },
      'no item',
      { sku: 'B', name: 'Beer' },
      { sku: 'N\0', name: 'NUL', price: 1 },
      { sku: 'C', name: 'Cola 😀', price: 2.5 },
    ]);
    expect(update).toMatchObject({ status: 'partial', processed: 6, succeeded: 2, failed: 4 });
    expect(update.errors.map(({ index, sku }) => [index, sku])).toEqual([
      [1, ''],
      [2, undefined],
      [3, 'B'],
      [4, 'N\0'],
    ]);
    expect(await stored('mixed')).toMatchObject([
      { sku: 'A', name: 'Apple', price: '1', category: 'fruit', description: null },
      { sku: 'C', name: 'Cola 😀', price: '2.5', category: null, description: null },
    ]);
  });

  it('names at most 100 bad items and counts all', async () => {
    const update = await fetched(
      'bad',
      Array.from({ length: 1_234 }, () => ({})),
    );
    expect(update).toMatchObject({ status: 'failed', processed: 1_234, succeeded: 0, failed: 1_234 });
    expect(update.errors).toHaveLength(100);
  });

  it('calls an empty answer a success', async () => {
    expect(await fetched('empty', [])).toEqual({
      status: 'success',
      processed: 0,
      succeeded: 0,
      failed: 0,
      there: 0,
      missing: 0,
      marked: true,
      errors: [],
    });
  });

  it('takes the last of two items with one sku', async () => {
    const update = await fetched('twice', [
      { sku: 'A', name: 'old', price: 1 },
      { sku: 'A', name: 'new', price: 2 },
    ]);
    expect(update).toMatchObject({ status: 'success', succeeded: 2 });
    expect(await stored('twice')).toMatchObject([{ sku: 'A', name: 'new', price: '2' }]);
  });

  it('keeps when an item was first seen, and of each store its own', async () => {
    await fetched('first', [{ sku: 'A', name: 'Apple', price: 1, category: 'fruit' }]);
    const [before] = await stored('first');
    await fetched('other', [{ sku: 'A', name: 'Other', price: 9 }]);
    await fetched('first', [{ sku: 'A', name: 'Apple, red', price: 2 }]);
    const [after] = await stored('first');
    expect(after).toMatchObject({ name: 'Apple, red', price: '2', category: null });
    expect(after?.['first_seen_at']).toBe(before?.['first_seen_at']);
    expect(after?.['updated_at']).not.toBe(before?.['updated_at']);
  });

  it('stores an answer of many batches', async () => {
    const items = Array.from({ length: 2_345 }, (_, n) => ({ sku: `S-${n}`, name: 'x', price: n / 100 }));
    expect(await fetched('big', items)).toMatchObject({ status: 'success', succeeded: 2_345 });
    expect(await stored('big')).toHaveLength(2_345);
  });

  it('marks what is missing from it, keeps it, and takes the mark away when it is back', async () => {
    await fetched(
      'gone',
      ['A', 'B', 'C', 'D'].map((sku) => item(sku)),
    );
    const update = await fetched('gone', [item('A'), item('B'), item('E')]);
    expect(update).toMatchObject({ there: 4, missing: 2, marked: true });
    expect(await missing('gone')).toEqual(['C', 'D']);
    expect(await stored('gone')).toHaveLength(5);

    const [before] =
      await database.sql`select missing_since from inventory_items where sku = 'D' and location_id = 'gone'`;
    expect(await fetched('gone', [item('A'), item('B'), item('C'), item('E')])).toMatchObject({
      there: 3,
      missing: 0,
      marked: true,
    });
    expect(await missing('gone')).toEqual(['D']);
    const [after] =
      await database.sql`select missing_since from inventory_items where sku = 'D' and location_id = 'gone'`;
    expect(after).toEqual(before);
  });

  it('marks nothing where more than half is missing, and says so loudly', async () => {
    const said: object[] = [];
    const end = hear('catalog-too-small', (message) => said.push(message));
    await fetched(
      'half',
      ['A', 'B', 'C', 'D', 'E'].map((sku) => item(sku)),
    );
    for (const [items, count] of [
      [[item('A'), item('B')], 3],
      [[], 5],
      [[item('X'), item('Y'), item('Z')], 5],
    ] as const) {
      expect(await fetched('half', items)).toMatchObject({ missing: count, marked: false });
      expect(said.splice(0)).toMatchObject([{ location: 'half', missing: count }]);
    }
    expect(await missing('half')).toEqual([]);
    // Eight by now, of which exactly half is missing.
    expect(
      await fetched(
        'half',
        ['A', 'B', 'C', 'D'].map((sku) => item(sku)),
      ),
    ).toMatchObject({
      there: 8,
      missing: 4,
      marked: true,
    });
    expect(await missing('half')).toEqual(['E', 'X', 'Y', 'Z']);
    expect(said).toEqual([]);
    end();
  });

  it('takes no item for missing that is named and bad, and keeps what is stored of it', async () => {
    await fetched('bad-but-there', [item('A'), item('B', { price: 2 }), item('C', { price: 3 })]);
    const update = await fetched('bad-but-there', [item('A'), item('B', { price: -1 }), { sku: 'C' }]);
    expect(update).toMatchObject({ status: 'partial', failed: 2, there: 3, missing: 0 });
    expect(await missing('bad-but-there')).toEqual([]);
    expect(await stored('bad-but-there')).toMatchObject([{ price: '1' }, { price: '2' }, { price: '3' }]);
  });

  it('marks page by page, whatever the order of its letters is', async () => {
    const skus = Array.from({ length: 15_000 }, (_, n) => `${n % 2 ? 'ä' : 'Z'}-${n}`);
    await fetched(
      'pages',
      skus.map((sku) => item(sku)),
    );
    expect(
      await fetched(
        'pages',
        skus.slice(0, 8_000).map((sku) => item(sku)),
      ),
    ).toMatchObject({ missing: 7_000 });
    expect((await missing('pages')).toSorted()).toEqual(skus.slice(8_000).toSorted());
  });

  it('is as it was, where it is cut off in its middle', async () => {
    await fetched('cut', [item('A'), item('B')]);
    const before = await stored('cut');
    const stop = new AbortController();
    const end = hear('items-stored', () => stop.abort());
    const items = Array.from({ length: 3_000 }, (_, n) => item(`S-${n}`));
    await expect(fetched('cut', items, catalog, stop.signal)).rejects.toMatchObject({
      code: 'CATALOG_UNAVAILABLE',
    });
    end();
    expect(await stored('cut')).toEqual(before);
  });

  it('fails with a typed error that holds no item while Postgres is away', async () => {
    const away = connectDatabase('postgres://nobody@127.0.0.1:1/nothing', { max: 1 });
    const update = fetched('away', [item('A', { name: 'Apple' })], createCatalog(away));
    await expect(update).rejects.toMatchObject({ code: 'CATALOG_UNAVAILABLE' });
    await expect(update).rejects.not.toThrow('Apple');
    await away.close();
  });
});
