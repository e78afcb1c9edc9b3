import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hear } from '../../src/base/happenings.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { type Catalog, createCatalog } from '../../src/inventory/catalog.ts';
import { describeOnServer } from '../events/harness.ts';
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

const missing = async (locationId: string) => {
  const rows = await database.sql`
    select sku from inventory_items where location_id = ${locationId} and missing_since is not null order by sku`;
  return rows.map(({ sku }) => String(sku));
};

describe('a catalog that lacks items', () => {
  it('marks what is missing from it, keeps it, and takes the mark away when it is back', async () => {
    await fetchedBy(
      catalog,
      'gone',
      ['A', 'B', 'C', 'D'].map((sku) => item(sku)),
    );
    const update = await fetchedBy(catalog, 'gone', [item('A'), item('B'), item('E')]);
    expect(update).toMatchObject({ there: 4, missing: 2, marked: true });
    expect(await missing('gone')).toEqual(['C', 'D']);
    expect(await readItems(database.sql, 'gone')).toHaveLength(5);

    const [before] =
      await database.sql`select missing_since from inventory_items where sku = 'D' and location_id = 'gone'`;
    expect(await fetchedBy(catalog, 'gone', [item('A'), item('B'), item('C'), item('E')])).toMatchObject({
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
    await fetchedBy(
      catalog,
      'half',
      ['A', 'B', 'C', 'D', 'E'].map((sku) => item(sku)),
    );
    for (const [items, count] of [
      [[item('A'), item('B')], 3],
      [[], 5],
      [[item('X'), item('Y'), item('Z')], 5],
    ] as const) {
      expect(await fetchedBy(catalog, 'half', items)).toMatchObject({ missing: count, marked: false });
      expect(said.splice(0)).toMatchObject([{ location: 'half', missing: count }]);
    }
    expect(await missing('half')).toEqual([]);
    // Eight by now, of which exactly half is missing.
    expect(
      await fetchedBy(
        catalog,
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
    await fetchedBy(catalog, 'bad-but-there', [item('A'), item('B', { price: 2 }), item('C', { price: 3 })]);
    const update = await fetchedBy(catalog, 'bad-but-there', [
      item('A'),
      item('B', { price: -1 }),
      { sku: 'C' },
    ]);
    expect(update).toMatchObject({ status: 'partial', failed: 2, there: 3, missing: 0 });
    expect(await missing('bad-but-there')).toEqual([]);
    expect(await readItems(database.sql, 'bad-but-there')).toMatchObject([
      { price: '1' },
      { price: '2' },
      { price: '3' },
    ]);
  });

  it('marks page by page, whatever the order of its letters is', async () => {
    const skus = Array.from({ length: 15_000 }, (_, n) => `${n % 2 ? 'ä' : 'Z'}-${n}`);
    await fetchedBy(
      catalog,
      'pages',
      skus.map((sku) => item(sku)),
    );
    expect(
      await fetchedBy(
        catalog,
        'pages',
        skus.slice(0, 8_000).map((sku) => item(sku)),
      ),
    ).toMatchObject({ missing: 7_000 });
    expect((await missing('pages')).toSorted()).toEqual(skus.slice(8_000).toSorted());
  });
});

describeOnServer('a catalog (skipped on PGlite, which is one backend)', () => {
  it('is not stored while another one of that store is', async () => {
    const other = openDatabase(fresh.url, 1);
    const elsewhere = createCatalog({
      // Begins to store it, and is done only after the second one has tried.
      write: (work) =>
        other.write(async (tx) => {
          const result = await work(tx);
          await expect(fetchedBy(catalog, 'both', [item('B')])).rejects.toThrow(
            'another catalog of this store',
          );
          expect(await fetchedBy(catalog, 'not-both', [item('B')])).toMatchObject({ succeeded: 1 });
          return result;
        }),
    });
    await fetchedBy(elsewhere, 'both', [item('A')]);
    await other.close();
    expect(await readItems(database.sql, 'both')).toMatchObject([{ sku: 'A' }]);
  });
});
