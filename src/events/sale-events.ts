import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { LOGGED_COLUMNS, type LoggedEvent, type LoggedRow, loggedEvent } from './logged-event.ts';

export interface SaleEvents {
  /** Oldest first; at most the newest 200. */
  readonly events: readonly LoggedEvent[];
  /** How many older ones there are. */
  readonly older: number;
}

/** A sale as a person names it: by its transaction id, or by the id of its job. */
export interface SaleName {
  readonly id: string;
  readonly locationId?: string | undefined;
}

const NEWEST = 200;

/** What the log knows of a sale. */
export async function readSaleEvents(tx: Transaction, name: SaleName): Promise<SaleEvents> {
  const rows = await tx.execute<LoggedRow & { readonly total: number }>(saleEventsQuery(name));
  const older = Math.max(0, (rows[0]?.total ?? 0) - rows.length);
  return { events: rows.map(loggedEvent).toReversed(), older };
}

/**
 * Also for whoever looks at its plan. Found first and sorted then: in one step, a planner who thinks of many rows
 * walks through the log by time until it has 200.
 */
export function saleEventsQuery({ id, locationId }: SaleName): SQL {
  const bySale = sql`transaction_ids @> array[${id}]::text[]`;
  const here = locationId === undefined ? sql`true` : sql`location_id = ${locationId}`;
  return sql`
    with found as materialized (
      select * from event_log where ${bySale}
      union all
      select * from event_log where aggregate_id = ${id} and not ${bySale}
    )
    select ${LOGGED_COLUMNS}, (count(*) over ())::int as total
    from found where ${here}
    order by "timestamp" desc, id desc limit ${NEWEST}`;
}
