import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';

/** The database of a POS with receipts of its own and our outbox. */
export interface PosDatabase extends OpenDatabase {
  readonly fresh: FreshDatabase;
  /** What waits in the outbox, in the order of writing. */
  waiting(): Promise<{ name: string; data: unknown }[]>;
  receipts(): Promise<string[]>;
  /** For the next test. */
  empty(): Promise<void>;
}

export async function openPos(): Promise<PosDatabase> {
  const fresh = await freshDatabase();
  const database = openDatabase(fresh.url, 1);
  await migrateOutbox(database);
  await database.sql`create table receipts (id text primary key)`;
  return {
    ...database,
    fresh,
    async waiting() {
      const rows = await database.sql`select job_name, data::text from conexxus.outbox order by id`;
      return rows.map(({ job_name: name, data }) => ({ name: String(name), data: JSON.parse(String(data)) }));
    },
    async receipts() {
      const rows = await database.sql`select id from receipts order by id`;
      return rows.map(({ id }) => String(id));
    },
    async empty() {
      await database.sql`delete from conexxus.outbox`;
      await database.sql`delete from receipts`;
    },
    async close() {
      await database.close();
      await fresh.close();
    },
  };
}
