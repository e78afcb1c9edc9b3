import { types } from 'node:util';
import { DrizzleQueryError } from 'drizzle-orm';
import postgres from 'postgres';
import { errorMessage } from './errors.ts';

/** What Postgres, the driver or the network said. Drizzle's own error quotes every parameter: whole payloads. */
export function postgresCause(thrown: unknown): unknown {
  return thrown instanceof DrizzleQueryError ? thrown.cause : thrown;
}

/** Undefined where it was not Postgres, nor PgBouncer in its name, that said no. */
export function sqlStateOf(thrown: unknown): string | undefined {
  const cause = postgresCause(thrown);
  return cause instanceof postgres.PostgresError ? cause.code : undefined;
}

/** SQLSTATE, or the code of the network or the driver. */
export function postgresCodeOf(thrown: unknown): string | undefined {
  const cause = postgresCause(thrown);
  // The network's own errors may be of another realm, where they are no instance of our `Error`.
  if (!types.isNativeError(cause) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** Code and message of a failed query. */
export function postgresReason(thrown: unknown): string {
  const code = postgresCodeOf(thrown);
  const message = errorMessage(postgresCause(thrown));
  return code === undefined ? message : `${code}: ${message}`;
}

const NO_RIGHT = '42501';
/** No such table, column, view or schema. */
const NOT_MIGRATED = new Set(['42P01', '42703', '3F000']);

/** The tables are not there, or of another version. */
export function isNotMigrated(thrown: unknown): boolean {
  return NOT_MIGRATED.has(sqlStateOf(thrown) ?? '');
}

/** This user may not do that. */
export function isForbidden(thrown: unknown): boolean {
  return sqlStateOf(thrown) === NO_RIGHT;
}
