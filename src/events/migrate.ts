import type { Database } from '../base/database.ts';
import { applyMigrations, checkMigrations, type MigrationSet, type SchemaState } from '../base/migrations.ts';

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

/** Looks, changes nothing. */
export async function checkSchema(database: Pick<Database, 'read'>): Promise<SchemaState> {
  return checkMigrations(database, EVENT_LOG);
}

/** Brings the schema up to date; resolves to the number of migrations applied. Rejects as `applyMigrations`. */
export async function migrateDatabase(database: Pick<Database, 'write'>): Promise<number> {
  return applyMigrations(database, EVENT_LOG);
}
