import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectDatabase } from '../../src/base/database.ts';
import { hear } from '../../src/base/happenings.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { type Catalog, createCatalog } from '../../src/inventory/catalog.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { fetchedBy, item, readItems } from './items.ts';

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

const priceOf = async (price: unknown) => {
  const locationId = `price-${String(price)}`;
  const update = await fetchedBy(catalog, locationId, [{ sku: 'A', name: 'Apple', price }]);
  return { update, price: (await readItems(database.sql, locationId))[0]?.['price'] };
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
    const update = await fetchedBy(catalog, 'mixed', [
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
    expect(await readItems(database.sql, 'mixed')).toMatchObject([
      { sku: 'A', name: 'Apple', price: '1', category: 'fruit', description: null },
      { sku: 'C', name: 'Cola 😀', price: '2.5', category: null, description: null },
    ]);
  });

  it('names at most 100 bad items and counts all', async () => {
    const update = await fetchedBy(
      catalog,
      'bad',
      Array.from({ length: 1_234 }, () => ({})),
    );
    expect(update).toMatchObject({ status: 'failed', processed: 1_234, succeeded: 0, failed: 1_234 });
    expect(update.errors).toHaveLength(100);
  });

  it('calls an empty answer a success', async () => {
    expect(await fetchedBy(catalog, 'empty', [])).toEqual({
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
    const update = await fetchedBy(catalog, 'twice', [
      { sku: 'A', name: 'old', price: 1 },
      { sku: 'A', name: 'new', price: 2 },
    ]);
    expect(update).toMatchObject({ status: 'success', succeeded: 2 });
    expect(await readItems(database.sql, 'twice')).toMatchObject([{ sku: 'A', name: 'new', price: '2' }]);
  });

  it('keeps when an item was first seen, and of each store its own', async () => {
    await fetchedBy(catalog, 'first', [{ sku: 'A', name: 'Apple', price: 1, category: 'fruit' }]);
    const [before] = await readItems(database.sql, 'first');
    await fetchedBy(catalog, 'other', [{ sku: 'A', name: 'Other', price: 9 }]);
    await fetchedBy(catalog, 'first', [{ sku: 'A', name: 'Apple, red', price: 2 }]);
    const [after] = await readItems(database.sql, 'first');
    expect(after).toMatchObject({ name: 'Apple, red', price: '2', category: null });
    expect(after?.['first_seen_at']).toBe(before?.['first_seen_at']);
    expect(after?.['updated_at']).not.toBe(before?.['updated_at']);
  });

  it('stores an answer of many batches', async () => {
    const items = Array.from({ length: 2_345 }, (_, n) => ({ sku: `S-${n}`, name: 'x', price: n / 100 }));
    expect(await fetchedBy(catalog, 'big', items)).toMatchObject({ status: 'success', succeeded: 2_345 });
    expect(await readItems(database.sql, 'big')).toHaveLength(2_345);
  });

  it('is as it was, where it is cut off in its middle', async () => {
    await fetchedBy(catalog, 'cut', [item('A'), item('B')]);
    const before = await readItems(database.sql, 'cut');
    const stop = new AbortController();
    const end = hear('items-stored', () => stop.abort());
    const items = Array.from({ length: 3_000 }, (_, n) => item(`S-${n}`));
    await expect(fetchedBy(catalog, 'cut', items, stop.signal)).rejects.toMatchObject({
      code: 'CATALOG_UNAVAILABLE',
    });
    end();
    expect(await readItems(database.sql, 'cut')).toEqual(before);
  });

  it('fails with a typed error that holds no item while Postgres is away', async () => {
    const away = connectDatabase('postgres://nobody@127.0.0.1:1/nothing', { max: 1 });
    const update = fetchedBy(createCatalog(away), 'away', [item('A', { name: 'Apple' })]);
    await expect(update).rejects.toMatchObject({ code: 'CATALOG_UNAVAILABLE' });
    await expect(update).rejects.not.toThrow('Apple');
    await away.close();
  });
});
