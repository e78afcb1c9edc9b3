import { sql } from 'drizzle-orm';
import type { Database } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { applyMigrations, checkMigrations, type MigrationSet, type SchemaState } from '../base/migrations.ts';

/** In `OUTBOX_DATABASE_URL`, the database of the POS, whose tills go on selling meanwhile. */
const OUTBOX: MigrationSet = {
  folder: 'drizzle/outbox',
  journal: { schema: 'conexxus', table: 'migrations' },
  lock: 'conexxus-sync migrate --outbox',
  lockTimeoutMs: 5_000,
  advice: {
    missing: 'The database of the POS has no outbox yet: run `node dist/cli.js migrate --outbox`.',
    behind:
      'The outbox is older than this version of conexxus-sync needs: run `node dist/cli.js migrate --outbox`.',
    newer:
      'The outbox is newer than this version of conexxus-sync knows: install the version that made it. ' +
      '`node dist/cli.js migrate --outbox` of this version can only go forward.',
  },
};

/** The POS has a database that cannot hold every sale. */
class UnfitDatabaseError extends ConexxusSyncError {
  readonly code = 'UNFIT_DATABASE';
  override readonly isClean = true;
}

/** Looks, changes nothing. */
export async function checkOutboxSchema(database: Pick<Database, 'read'>): Promise<SchemaState> {
  return checkMigrations(database, OUTBOX);
}

/**
 * Creates or updates the outbox; resolves to the number of migrations applied. Rejects as `applyMigrations`, and
 * with `UnfitDatabaseError`.
 */
export async function migrateOutbox(database: Pick<Database, 'read' | 'write'>): Promise<number> {
  await checkEncoding(database);
  return applyMigrations(database, OUTBOX);
}

/** In another encoding the first character that it lacks would undo the sale that it is in. */
async function checkEncoding(database: Pick<Database, 'read'>): Promise<void> {
  const [row] = await database.read((tx) =>
    tx.execute<{ encoding: string }>(sql`select current_setting('server_encoding') as encoding`),
  );
  if (row?.encoding === 'UTF8') return;
  throw new UnfitDatabaseError(
    `The database of the POS has the encoding ${row?.encoding}, which cannot hold every text of a sale: the ` +
      'outbox needs a database in UTF8. Nothing was changed.',
  );
}
