import { connectDatabase, type Database } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { isForbidden, isNotMigrated, postgresCodeOf } from '../base/postgres-errors.ts';
import { reasonOf } from './reason.ts';

/** The database of the POS is away, is no outbox, or refused what was asked. */
class OutboxAwayError extends ConexxusSyncError {
  readonly code = 'OUTBOX_AWAY';
  override readonly isClean = true;
}

/**
 * Runs the work on the database of the POS, and disconnects.
 * @throws OutboxAwayError, and what the work throws that is not Postgres'.
 */
export async function withOutbox<Result>(
  url: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = connectDatabase(url, { max: 1 });
  try {
    return await work(database);
  } catch (error) {
    throw explained(error);
  } finally {
    await database.close();
  }
}

/** What has no code is of Redis, or a bug. */
function explained(error: unknown): unknown {
  if (error instanceof ConexxusSyncError || postgresCodeOf(error) === undefined) return error;
  if (isNotMigrated(error)) {
    return new OutboxAwayError(
      'The database of the POS (OUTBOX_DATABASE_URL, else DATABASE_URL) has no outbox of this version: ' +
        `run \`node dist/cli.js migrate --outbox\` (${reasonOf(error)})`,
      { cause: error },
    );
  }
  const fix = isForbidden(error) ? 'grant it to this user' : 'is it running at OUTBOX_DATABASE_URL?';
  return new OutboxAwayError(`The outbox cannot be used (${reasonOf(error)}): ${fix}`, { cause: error });
}
