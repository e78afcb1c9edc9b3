import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { LOGGED_COLUMNS, type LoggedEvent, type LoggedRow, loggedEvent } from './logged-event.ts';
import { typesBeginningWith } from './types.ts';

/** Rows among which those of a kind are looked for where the log has no index of the kind. */
const LOOKED_THROUGH = 500;
const OF_A_STORE = 1_000;
const CIRCUIT_TYPES = [
  'conexxus.circuit.opened',
  'conexxus.circuit.half_opened',
  'conexxus.circuit.closed',
] as const;

/** The newest moves of the circuit, newest first: at most `limit` of each kind. */
export async function readMoves(tx: Transaction, limit: number): Promise<LoggedEvent[]> {
  return logged(await tx.execute<LoggedRow>(movesQuery(limit)));
}

/** What became of the newest jobs, newest first. */
export async function readOutcomes(tx: Transaction, limit: number): Promise<LoggedEvent[]> {
  return logged(await tx.execute<LoggedRow>(outcomesQuery(limit)));
}

/** What people did last, newest first. */
export async function readActs(tx: Transaction, limit: number): Promise<LoggedEvent[]> {
  return logged(await tx.execute<LoggedRow>(actsQuery(limit)));
}

/** The newest rows of a store, newest first. */
export async function readOfStore(
  tx: Transaction,
  locationId: string,
  limit: number,
): Promise<LoggedEvent[]> {
  return logged(await tx.execute<LoggedRow>(storeQuery(locationId, limit)));
}

/** When a sale of a store was delivered last, its catalog came, a call failed, ms; null: they are not among its newest 1,000. */
export interface StoreTimes extends Record<string, unknown> {
  readonly soldAt: number | null;
  readonly catalogAt: number | null;
  readonly failedAt: number | null;
}

export async function readStoreTimes(tx: Transaction, locationId: string): Promise<StoreTimes | undefined> {
  const [times] = await tx.execute<StoreTimes>(storeTimesQuery(locationId));
  return times;
}

export async function isKnownStore(tx: Transaction, locationId: string): Promise<boolean> {
  const rows = await tx.execute(sql`select from event_log where location_id = ${locationId} limit 1`);
  return rows.length > 0;
}

/** Type by type: the index has them in that order. */
function movesQuery(limit: number): SQL {
  return newestOfTypes(
    sql`select type from jsonb_array_elements_text(${JSON.stringify(CIRCUIT_TYPES)}::text::jsonb) as type`,
    limit,
    3 * limit,
  );
}

/** Nearly all rows are of jobs, so that they are found among a few hundred; of a log of anything else they are not. */
function outcomesQuery(limit: number): SQL {
  return sql`
    select * from (
      select ${LOGGED_COLUMNS} from event_log order by "timestamp" desc limit ${LOOKED_THROUGH}
    ) as newest
    where "type" like 'conexxus.sync.%' order by at desc limit ${limit}`;
}

function actsQuery(limit: number): SQL {
  return newestOfTypes(typesBeginningWith('conexxus.operator.'), limit, limit);
}

function storeQuery(locationId: string, limit: number): SQL {
  return sql`
    select ${LOGGED_COLUMNS} from event_log where location_id = ${locationId}
    order by "timestamp" desc limit ${limit}`;
}

/** Each walks back through the rows of the store, and no further than to what it looks for. */
function storeTimesQuery(locationId: string): SQL {
  const newest = (condition: SQL) => sql`(
    select at from (
      select event_type as type, (extract(epoch from "timestamp") * 1000)::float8 as at from event_log
      where location_id = ${locationId} order by "timestamp" desc limit ${OF_A_STORE}
    ) as newest where ${condition} limit 1)`;
  return sql`
    select ${newest(sql`type = 'conexxus.sync.succeeded.push_sales'`)} as "soldAt",
      ${newest(sql`type = 'conexxus.sync.succeeded.fetch_inventory'`)} as "catalogAt",
      ${newest(sql`type like 'conexxus.sync.failed.%'`)} as "failedAt"`;
}

/**
 * Said in the words of the index of types, which so is the only one that has the rows in this order: by an equality the
 * planner may walk through the whole log by time for a type of which there is next to none.
 */
function newestOfTypes(types: SQL, ofEach: number, limit: number): SQL {
  return sql`
    select newest.* from (${types}) as kind
    cross join lateral (
      select ${LOGGED_COLUMNS} from event_log where event_type ~>=~ kind.type and event_type ~<=~ kind.type
      order by event_type using ~>~, "timestamp" desc limit ${ofEach}
    ) as newest
    order by at desc limit ${limit}`;
}

function logged(rows: Iterable<LoggedRow>): LoggedEvent[] {
  return Array.from(rows, loggedEvent);
}
