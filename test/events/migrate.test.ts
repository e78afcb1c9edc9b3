import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { checkSchema, migrateDatabase } from '../../src/events/migrate.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { migrationsIn, waysBack } from '../support/ways-back.ts';
import { describeOnServer } from './harness.ts';

let fresh: FreshDatabase;
let first: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  first = openDatabase(fresh.url, 1);
});

afterEach(async () => {
  await first.sql`drop schema if exists drizzle cascade`;
  await first.sql`
    drop table if exists event_log, inventory_items, alert_sender, alert_incidents, schedules, intake_tokens`;
});

afterAll(async () => {
  await first.close();
  await fresh.close();
});

const migrations = migrationsIn('.');

describe('migrateDatabase', () => {
  it('makes the tables, and finds nothing to do the second time', async () => {
    expect(await checkSchema(first)).toMatchObject({ kind: 'missing' });
    expect(await migrateDatabase(first)).toBeGreaterThan(0);
    expect(await checkSchema(first)).toMatchObject({ kind: 'current' });
    expect(await migrateDatabase(first)).toBe(0);
    expect(await first.sql`select * from event_log`).toHaveLength(0);
    expect(await first.sql`select * from inventory_items`).toHaveLength(0);
  });

  describeOnServer('(two backends: not on PGlite)', () => {
    it('is done by one of two processes while the other waits', async () => {
      const second = openDatabase(fresh.url, 1);
      const applied = await Promise.all([migrateDatabase(first), migrateDatabase(second)]);
      await second.close();
      expect(Math.min(...applied)).toBe(0);
      expect(Math.max(...applied)).toBeGreaterThan(0);
      expect(await checkSchema(first)).toMatchObject({ kind: 'current' });
    });

    it('refuses a schema newer than the code, and leaves it as it is', async () => {
      await migrateDatabase(first);
      await first.sql`
        insert into drizzle.__drizzle_migrations (hash, created_at)
        select 'from the future', max(created_at) + 1 from drizzle.__drizzle_migrations`;
      await expect(migrateDatabase(first)).rejects.toMatchObject({
        code: 'SCHEMA_MISMATCH',
        state: { kind: 'newer' },
      });
      expect(await checkSchema(first)).toMatchObject({ kind: 'newer' });
    });
  });

  it('knows a schema that lacks a migration', async () => {
    await migrateDatabase(first);
    await first.sql`update drizzle.__drizzle_migrations set created_at = created_at - 1`;
    expect(await checkSchema(first)).toMatchObject({ kind: 'behind' });
  });

  it('leaves nothing behind when it fails halfway', async () => {
    await first.sql`create table inventory_items (in_the_way text)`;
    await expect(migrateDatabase(first)).rejects.toThrow('inventory_items');
    expect(await checkSchema(first)).toMatchObject({ kind: 'missing' });
    const [table] = await first.sql`select to_regclass('event_log') as name`;
    expect(table?.['name']).toBeNull();
  });

  it('goes back as drizzle/README.md says, one migration after the other, and forward again', async () => {
    expect(waysBack().map(({ migration }) => migration)).toEqual(migrations.toReversed());
    await migrateDatabase(first);
    await first.sql`
      insert into inventory_items (location_id, sku, name, price) values ('s', 'a', 'A', 19.99), ('s', 'b', 'B', 3.459)`;
    const prices = async () => {
      const rows = await first.sql`select price::text from inventory_items order by sku`;
      return rows.map(({ price }) => String(price));
    };
    expect(await prices()).toEqual(['19.9900', '3.4590']);
    const pricesAfter = new Map<string, readonly string[]>();
    const kinds: string[] = [];
    for (const { migration, statements } of waysBack()) {
      await first.sql.unsafe(statements);
      kinds.push((await checkSchema(first)).kind);
      pricesAfter.set(migration, await prices().catch(() => []));
    }
    expect(kinds).toEqual([...migrations.slice(1).map(() => 'behind'), 'missing']);
    expect(pricesAfter.get('0001_catalog_price_of_four_decimals')).toEqual(['19.99', '3.46']);
    expect(await migrateDatabase(first)).toBe(migrations.length);
  });
});
