import { type SQL, sql } from 'drizzle-orm';
import type { Database, Transaction } from '../base/database.ts';
import { LOGGED_COLUMNS, type LoggedEvent, type LoggedRow, loggedEvent } from './logged-event.ts';
import { likeBeginning, typesBeginningWith } from './types.ts';

/** Which rows; what is not given leaves none out. */
export interface EventFilter {
  /** An exact type, or the beginning of several and `*`. */
  readonly type?: string | undefined;
  readonly locationId?: string | undefined;
  readonly jobId?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** A row's place in the order by time. */
export interface Place {
  /** As Postgres writes it, to the microsecond. */
  readonly time: string;
  readonly id: string;
}

type PlacedRow = LoggedRow & Place;

/** Rows that one look takes. */
const PAGE = 500;

/** The newest rows, in pages, oldest first: however many there are, a page is all that is held. */
export async function* readNewest(
  database: Pick<Database, 'read'>,
  filter: EventFilter,
  limit: number,
): AsyncGenerator<readonly LoggedEvent[]> {
  let left = limit;
  let from = await database.read((tx) => beginning(tx, filter, limit));
  let isAfter = false;
  while (from !== undefined && left > 0) {
    const place: Place = from;
    const rows = await database.read((tx) =>
      tx.execute<PlacedRow>(pageQuery(filter, place, isAfter, Math.min(PAGE, left))),
    );
    if (rows.length > 0) yield rows.map(loggedEvent);
    left -= rows.length;
    from = rows.length < PAGE ? undefined : rows.at(-1);
    isAfter = true;
  }
}

/** The oldest of the newest rows; undefined: there is none. */
async function beginning(tx: Transaction, filter: EventFilter, limit: number): Promise<Place | undefined> {
  const rows = await tx.execute<{ time: string; id: string }>(sql`
    select time, id from (
      select "timestamp", "timestamp"::text as time, id from event_log where ${conditionOf(filter)}
      order by "timestamp" desc, id desc limit ${limit}
    ) as newest
    order by "timestamp", id limit 1`);
  return rows[0];
}

function pageQuery(filter: EventFilter, { time, id }: Place, isAfter: boolean, limit: number): SQL {
  const compare = isAfter ? sql`>` : sql`>=`;
  return sql`
    select ${LOGGED_COLUMNS}, "timestamp"::text as time from event_log
    where ${conditionOf(filter)} and "timestamp" >= ${time}::timestamptz
      and ("timestamp", id) ${compare} (${time}::timestamptz, ${id}::uuid)
    order by "timestamp", id limit ${limit}`;
}

export interface EventPage {
  readonly events: readonly LoggedEvent[];
  /** Of the oldest of them, for the next page; null: this is the last. */
  readonly next: Place | null;
}

/**
 * The newest rows that are older than a place, newest first. Rows of one millisecond, or microsecond, are told apart
 * by their ids, so that each is in one page. A place that Postgres cannot read is a data exception (22007, 22008).
 */
export async function readOlder(
  tx: Transaction,
  filter: EventFilter,
  limit: number,
  from?: Place,
): Promise<EventPage> {
  const filters = await filtersOfTypes(tx, filter);
  const rows = filters.length === 0 ? [] : await tx.execute<PlacedRow>(newestOf(filters, limit + 1, from));
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last !== undefined ? { time: last.time, id: last.id } : null;
  return { events: page.map(loggedEvent), next };
}

/**
 * Of a beginning that several types have, each by itself: the index has them in order by type and then by time. Where
 * a job or a store is given, there are few rows.
 */
async function filtersOfTypes(tx: Transaction, filter: EventFilter): Promise<EventFilter[]> {
  if (!filter.type?.endsWith('*') || !isOfTypesAlone(filter)) return [filter];
  const kinds = await tx.execute<{ type: string }>(typesBeginningWith(filter.type.slice(0, -1)));
  return kinds.map(({ type }) => ({ ...filter, type }));
}

function isOfTypesAlone({ type, jobId, locationId }: EventFilter): boolean {
  return type !== undefined && jobId === undefined && locationId === undefined;
}

function newestOf(filters: readonly EventFilter[], limit: number, from?: Place): SQL {
  const queries = filters.map((filter) => sql`(${olderQuery(filter, limit, from)})`);
  return sql`
    select * from (${sql.join(queries, sql` union all `)}) as newest
    order by at desc, id desc limit ${limit}`;
}

/**
 * Rows of a type alone are asked for in the order of the index of types, which no other has: a planner who thinks of
 * many would walk through the log by time, and through all of it where the newest of them is old. As one of a list,
 * since by an equality the type would drop out of the order.
 */
function olderQuery(filter: EventFilter, limit: number, from?: Place): SQL {
  const older =
    from === undefined
      ? sql`true`
      : sql`"timestamp" <= ${from.time}::timestamptz
          and ("timestamp", id) < (${from.time}::timestamptz, ${from.id}::uuid)`;
  const { type, ...rest } = filter;
  const [condition, order] = isOfTypesAlone(filter)
    ? [sql`event_type = any(array[${type}]) and ${conditionOf(rest)}`, sql`event_type using ~>~, `]
    : [conditionOf(filter), sql``];
  return sql`
    select ${LOGGED_COLUMNS}, "timestamp"::text as time from event_log
    where ${condition} and ${older}
    order by ${order}"timestamp" desc, id desc limit ${limit}`;
}

/** As it is stored: people leave the beginning out, which all have. Undefined: its * is not at the end. */
export function wholeType(type: string): string | undefined {
  if (type.slice(0, -1).includes('*')) return undefined;
  return type.startsWith('conexxus.') ? type : `conexxus.${type}`;
}

/** Of a row of `event_log`; each part has an index. */
export function conditionOf({ type, locationId, jobId, since, until }: EventFilter): SQL {
  const conditions = [
    ...(type === undefined ? [] : [typeCondition(type)]),
    ...(locationId === undefined ? [] : [sql`location_id = ${locationId}`]),
    ...(jobId === undefined ? [] : [sql`aggregate_id = ${jobId}`]),
    ...(since === undefined ? [] : [sql`"timestamp" >= ${since.toISOString()}::timestamptz`]),
    ...(until === undefined ? [] : [sql`"timestamp" <= ${until.toISOString()}::timestamptz`]),
  ];
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
}

function typeCondition(type: string): SQL {
  if (!type.endsWith('*')) return sql`event_type = ${type}`;
  return sql`event_type like ${likeBeginning(type.slice(0, -1))}`;
}
