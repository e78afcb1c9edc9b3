import { DrizzleQueryError } from 'drizzle-orm';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { errorMessage } from '../base/errors.ts';
import { eventLog, type NewEventRow } from './schema.ts';

export interface Insertion {
  /** Of the stream entry. */
  readonly id: string;
  readonly row: NewEventRow;
}

export interface Refusal {
  readonly id: string;
  readonly reason: string;
}

/**
 * SQLSTATE classes that say something about a row and not about the server: data exception, integrity
 * constraint, and program limit (a value too long for its index).
 */
const REFUSAL_CLASSES = new Set(['22', '23', '54']);

/**
 * Inserts the rows that are not there yet (by `dedupeKey`), and answers with those that Postgres will
 * never take: the batch is halved until each of them stands alone.
 * Rejects with Drizzle's error if Postgres can't do it now; part of the rows may be in then.
 */
export async function insertEvents(
  db: PostgresJsDatabase,
  insertions: readonly Insertion[],
): Promise<readonly Refusal[]> {
  const [first, ...others] = insertions;
  if (!first) return [];
  try {
    await db
      .insert(eventLog)
      .values(insertions.map(({ row }) => row))
      .onConflictDoNothing({ target: eventLog.dedupeKey });
    return [];
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    if (others.length === 0) return [{ id: first.id, reason: postgresReason(thrown) }];
  }
  const half = Math.ceil(insertions.length / 2);
  return [
    ...(await insertEvents(db, insertions.slice(0, half))),
    ...(await insertEvents(db, insertions.slice(half))),
  ];
}

function isRefusal(thrown: unknown): boolean {
  const code = postgresCode(thrown);
  return code !== undefined && REFUSAL_CLASSES.has(code.slice(0, 2));
}

/** SQLSTATE, or the code of the network or the driver. */
function postgresCode(thrown: unknown): string | undefined {
  const cause = underDrizzle(thrown);
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/** Code and message of a failed query. Drizzle's own message holds every parameter: whole payloads. */
export function postgresReason(thrown: unknown): string {
  const code = postgresCode(thrown);
  const message = errorMessage(underDrizzle(thrown));
  return code === undefined ? message : `${code}: ${message}`;
}

function underDrizzle(thrown: unknown): unknown {
  return thrown instanceof DrizzleQueryError ? thrown.cause : thrown;
}
