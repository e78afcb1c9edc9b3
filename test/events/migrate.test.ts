import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectDatabase, type Database } from '../../src/base/database.ts';
import { checkSchema, migrateDatabase } from '../../src/events/migrate.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { describeOnServer } from './harness.ts';

let fresh: FreshDatabase;
let first: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  first = connectDatabase(fresh.url, { max: 1 });
});

afterEach(async () => {
  await first.sql`drop schema if exists drizzle cascade`;
  await first.sql`drop table if exists event_log, inventory_items`;
});

afterAll(async () => {
  await first.close();
  await fresh.close();
});

describe('migrateDatabase', () => {
  it('makes the tables, and finds nothing to do the second time', async () => {
    expect(await checkSchema(first.db)).toMatchObject({ kind: 'missing' });
    expect(await migrateDatabase(first.db)).toBeGreaterThan(0);
    expect(await checkSchema(first.db)).toMatchObject({ kind: 'current' });
    expect(await migrateDatabase(first.db)).toBe(0);
    expect(await first.sql`select * from event_log`).toHaveLength(0);
    expect(await first.sql`select * from inventory_items`).toHaveLength(0);
  });

  describeOnServer('(two backends: not on PGlite)', () => {
    it('is done by one of two processes while the other waits', async () => {
      const second = connectDatabase(fresh.url, { max: 1 });
      const applied = await Promise.all([migrateDatabase(first.db), migrateDatabase(second.db)]);
      await second.close();
      expect(Math.min(...applied)).toBe(0);
      expect(Math.max(...applied)).toBeGreaterThan(0);
      expect(await checkSchema(first.db)).toMatchObject({ kind: 'current' });
    });

    it('refuses a schema newer than the code, and leaves it as it is', async () => {
      await migrateDatabase(first.db);
      await first.sql`
        insert into drizzle.__drizzle_migrations (hash, created_at)
        select 'from the future', max(created_at) + 1 from drizzle.__drizzle_migrations`;
      await expect(migrateDatabase(first.db)).rejects.toMatchObject({
        code: 'SCHEMA_MISMATCH',
        state: { kind: 'newer' },
      });
      expect(await checkSchema(first.db)).toMatchObject({ kind: 'newer' });
    });
  });

  it('knows a schema that lacks a migration', async () => {
    await migrateDatabase(first.db);
    await first.sql`update drizzle.__drizzle_migrations set created_at = created_at - 1`;
    expect(await checkSchema(first.db)).toMatchObject({ kind: 'behind' });
  });

  it('leaves nothing behind when it fails halfway', async () => {
    await first.sql`create table inventory_items (in_the_way text)`;
    await expect(migrateDatabase(first.db)).rejects.toThrow('inventory_items');
    expect(await checkSchema(first.db)).toMatchObject({ kind: 'missing' });
    const [table] = await first.sql`select to_regclass('event_log') as name`;
    expect(table?.['name']).toBeNull();
  });
});
