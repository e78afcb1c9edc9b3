import type { Command } from 'commander';
import { loadConfig } from '../base/config/config.ts';
import { connectDatabase } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { migrateDatabase } from '../events/migrate.ts';
import { reasonOf } from './reason.ts';

class MigrationError extends ConexxusSyncError {
  readonly code = 'MIGRATION_FAILED';
  override readonly isClean = true;
}

export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .description('create or update the tables of the event log and the catalog (DATABASE_URL)')
    .action(migrate);
}

async function migrate(): Promise<void> {
  const { databaseUrl } = loadConfig('migrate');
  // A large table is altered without a word, and so is another's migration waited for.
  const database = connectDatabase(databaseUrl, { max: 1, silenceMaxMs: 0 });
  try {
    const applied = await migrateDatabase(database);
    console.log(
      applied === 0
        ? 'The database is up to date.'
        : `Applied ${applied} migration${applied === 1 ? '' : 's'}.`,
    );
  } catch (error) {
    if (error instanceof ConexxusSyncError) throw error;
    throw new MigrationError(`The database could not be migrated: ${reasonOf(error)}`, { cause: error });
  } finally {
    await database.close();
  }
}
