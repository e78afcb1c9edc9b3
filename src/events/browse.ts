import { type SQL, sql } from 'drizzle-orm';
import type { Database, Transaction } from '../base/database.ts';
import { LOGGED_COLUMNS, type LoggedEvent, type LoggedRow, loggedEvent } from './logged-event.ts';

/** Which rows; what is not given leaves none out. */
export interface EventFilter {
  /** An exact type, or the beginning of several and `*`. */
  readonly type?: string | undefined;
  readonly locationId?: string | undefined;
  readonly jobId?: string | undefined;
  readonly since?: Date | undefined;
}

/** A row's place in the order by time. */
interface Place {
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

/** Of a row of `event_log`; each part has an index. */
export function conditionOf({ type, locationId, jobId, since }: EventFilter): SQL {
  const conditions = [
    ...(type === undefined ? [] : [typeCondition(type)]),
    ...(locationId === undefined ? [] : [sql`location_id = ${locationId}`]),
    ...(jobId === undefined ? [] : [sql`aggregate_id = ${jobId}`]),
    ...(since === undefined ? [] : [sql`"timestamp" >= ${since.toISOString()}::timestamptz`]),
  ];
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `);
}

function typeCondition(type: string): SQL {
  if (!type.endsWith('*')) return sql`event_type = ${type}`;
  const beginning = type.slice(0, -1).replace(/[\\%_]/g, '\\$&');
  return sql`event_type like ${`${beginning}%`}`;
}
