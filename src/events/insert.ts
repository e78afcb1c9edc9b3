import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../base/database.ts';
import { postgresReason, sqlStateOf } from '../base/postgres-errors.ts';
import type { RowJson } from './entry.ts';

export interface Insertion {
  /** Of the stream entry. */
  readonly id: string;
  readonly row: RowJson;
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
 * Rejects, as `Database` does, if Postgres can't do it now; part of the rows may be in then.
 */
export async function insertEvents(
  database: Pick<Database, 'write'>,
  insertions: readonly Insertion[],
): Promise<readonly Refusal[]> {
  const [first, ...others] = insertions;
  if (!first) return [];
  try {
    await database.write((tx) => tx.execute(insertOf(insertions)));
    return [];
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    if (others.length === 0) return [{ id: first.id, reason: postgresReason(thrown) }];
  }
  const half = Math.ceil(insertions.length / 2);
  return [
    ...(await insertEvents(database, insertions.slice(0, half))),
    ...(await insertEvents(database, insertions.slice(half))),
  ];
}

/**
 * One parameter whatever the batch. As a text, which Postgres casts: the driver would make a JSON string of a
 * parameter of type jsonb.
 */
function insertOf(insertions: readonly Insertion[]): SQL {
  const rows = `[${insertions.map(({ row }) => row).join(',')}]`;
  return sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, metadata, transaction_ids, dedupe_key)
    select type, "aggregateId", "locationId", at, payload || added, metadata, coalesce("transactionIds", '{}'), "dedupeKey"
    from jsonb_to_recordset(${rows}::text::jsonb) as event (
      type text, "aggregateId" text, "locationId" text, at timestamptz, payload jsonb, added jsonb, metadata jsonb,
      "transactionIds" text[], "dedupeKey" text)
    on conflict (dedupe_key) do nothing`;
}

function isRefusal(thrown: unknown): boolean {
  return REFUSAL_CLASSES.has(sqlStateOf(thrown)?.slice(0, 2) ?? '');
}
