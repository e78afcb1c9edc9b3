import type { Command } from 'commander';
import { loadConfig } from '../base/config/config.ts';
import { connectDatabase, type Database } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { migrateDatabase } from '../events/migrate.ts';
import { grantScript } from '../outbox/grants.ts';
import { migrateOutbox } from '../outbox/migrate.ts';
import { reasonOf } from './reason.ts';

class MigrationError extends ConexxusSyncError {
  readonly code = 'MIGRATION_FAILED';
  override readonly isClean = true;
}

export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .description('create or update the tables of the event log and the catalog (DATABASE_URL)')
    .option(
      '--outbox',
      'those of the outbox instead, in the database of the POS (OUTBOX_DATABASE_URL, else DATABASE_URL)',
    )
    .action(({ outbox = false }: { outbox?: boolean }) => (outbox ? migrateThePos() : migrate()));
}

async function migrate(): Promise<void> {
  const { databaseUrl } = loadConfig('migrate');
  report(await applied(databaseUrl, migrateDatabase));
}

async function migrateThePos(): Promise<void> {
  const { outboxDatabaseUrl } = loadConfig('migrateOutbox');
  report(await applied(outboxDatabaseUrl, migrateOutbox));
  console.log(
    `\n-- Rights; put the names of your roles for till, relay, intake and books.\n${grantScript()}`,
  );
}

async function applied(url: string, work: (database: Database) => Promise<number>): Promise<number> {
  // A large table is altered without a word, and so is another's migration waited for.
  const database = connectDatabase(url, { max: 1, silenceMaxMs: 0 });
  try {
    return await work(database);
  } catch (error) {
    if (error instanceof ConexxusSyncError) throw error;
    throw new MigrationError(`The database could not be migrated: ${reasonOf(error)}`, { cause: error });
  } finally {
    await database.close();
  }
}

function report(migrations: number): void {
  console.log(
    migrations === 0
      ? 'The database is up to date.'
      : `Applied ${migrations} migration${migrations === 1 ? '' : 's'}.`,
  );
}
