import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { type Day, sumsQuery } from '../../src/outbox/books.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { holdSnapshot } from '../../src/outbox/snapshot.ts';
import { describeOnServer } from '../events/harness.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { writeSettled } from './many-sales.ts';

describeOnServer('the plan of the books (not on PGlite)', () => {
  let fresh: FreshDatabase;
  let database: OpenDatabase;

  beforeAll(async () => {
    fresh = await freshDatabase();
    database = openDatabase(fresh.url, 1);
    await migrateOutbox(database);
    await writeSettled(database.sql, 100_000);
  });

  afterAll(async () => {
    await database.close();
    await fresh.close();
  });

  it.each([
    ['one store', 'store-7'],
    ['all stores', undefined],
  ])('finds the sales of %s by indexes alone, among many others', async (_whose, locationId) => {
    const [today] = await database.sql<{ date: string }[]>`select (current_date - 30)::text as date`;
    const plan = await explain({ date: today?.date ?? '', locationId });
    expect(plan).toContain('Index Scan using sale_day on sale');
    expect(plan).not.toMatch(/Seq Scan on (?:sale|payload)/);
    expect(plan).toMatch(/\(actual .* rows=[1-9]/);
  });

  async function explain(day: Day): Promise<string> {
    const rows = await database.read(async (tx) => {
      await holdSnapshot(tx);
      return tx.execute(sql`explain (analyze, costs off) ${sumsQuery(day)}`);
    });
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }
});
