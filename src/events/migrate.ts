import { sql } from 'drizzle-orm';
import type { Database } from '../base/database.ts';
import {
  applyMigrations,
  checkMigrations,
  type MigrationSet,
  missing,
  SchemaMismatchError,
  type SchemaState,
} from '../base/migrations.ts';
import { sqlStateOf } from '../base/postgres-errors.ts';

/** The event log and the catalog, in `DATABASE_URL`. */
const EVENT_LOG: MigrationSet = {
  folder: 'drizzle',
  journal: { schema: 'drizzle', table: '__drizzle_migrations' },
  lock: 'conexxus-sync migrate',
  advice: {
    missing: 'The database has no conexxus-sync tables yet: run `node dist/cli.js migrate`.',
    behind:
      'The database schema is older than this version of conexxus-sync needs: run `node dist/cli.js migrate`.',
    newer:
      'The database schema is newer than this version of conexxus-sync knows: install the version that made it. ' +
      '`node dist/cli.js migrate` of this version can only go forward.',
  },
};

const NO_SUCH_TABLE = '42P01';

/** Looks, changes nothing. */
export async function checkSchema(database: Pick<Database, 'read'>): Promise<SchemaState> {
  return checkMigrations(database, EVENT_LOG);
}

/**
 * For who may read the event log, and nothing else: not what was applied either.
 * @throws SchemaMismatchError where there is none; rejects as `Database` does where it cannot be read.
 */
export async function expectEventLog(database: Pick<Database, 'read'>): Promise<void> {
  try {
    await database.read((tx) => tx.execute(sql`select from event_log limit 0`));
  } catch (error) {
    if (sqlStateOf(error) !== NO_SUCH_TABLE) throw error;
    throw new SchemaMismatchError(missing(EVENT_LOG));
  }
}

/** Brings the schema up to date; resolves to the number of migrations applied. Rejects as `applyMigrations`. */
export async function migrateDatabase(database: Pick<Database, 'write'>): Promise<number> {
  return applyMigrations(database, EVENT_LOG);
}
