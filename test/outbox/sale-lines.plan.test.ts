import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { readSaleLines, saleLinesQuery } from '../../src/outbox/sale-lines.ts';
import { describeOnServer } from '../events/harness.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { writeSettled } from './many-sales.ts';

describeOnServer('a sale in the outbox, among 100,000 (not on PGlite)', () => {
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
    ['of any store and day', {}],
    ['of one store and day', { locationId: 'store-7', date: '2026-11-24' }],
  ])('%s is found by an index', async (_which, place) => {
    const query = saleLinesQuery({ id: 'T-4711', ...place });
    const rows = await database.read((tx) => tx.execute(sql`explain (costs off) ${query}`));
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('Index Scan using sale_transaction on sale');
    expect(plan).not.toMatch(/Seq Scan on (?:sale|payload)/);
  });

  it('with its state', async () => {
    const lines = await database.read((tx) => readSaleLines(tx, { id: 'T-4711' }));
    expect(lines).toMatchObject([{ line: '4711', state: 'delivered', since: expect.any(Date) }]);
  });
});
