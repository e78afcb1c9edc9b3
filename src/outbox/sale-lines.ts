import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';

/** What the outbox says of a sale, or of a payload by its sync key. */
export interface SaleLine {
  /** Its number in the view; null: no relay has taken it yet, or it is a payload. */
  readonly line: string | null;
  readonly locationId: string | null;
  /** The store's business date. */
  readonly date: string | null;
  readonly total: string | null;
  /** As the view has them: `waiting`, `enqueued`, `delivered` … */
  readonly state: string;
  readonly since: Date;
  readonly reason: string | null;
}

export interface SaleInOutbox {
  /** Transaction id, or sync key of a payload. */
  readonly id: string;
  readonly locationId?: string | undefined;
  readonly date?: string | undefined;
}

type LineRow = Omit<SaleLine, 'since'> & { readonly since: string } & Record<string, unknown>;

const NEWEST = 50;

/** Null: there is no outbox in this database. The lines come oldest first. */
export async function readSaleLines(tx: Transaction, sale: SaleInOutbox): Promise<SaleLine[] | null> {
  if (!(await hasOutbox(tx))) return null;
  const isKey = /^ps-[0-9a-f]{64}$/.test(sale.id);
  const rows = await tx.execute<LineRow>(isKey ? payloadQuery(sale) : saleLinesQuery(sale));
  return rows.map(({ since, ...line }) => ({ ...line, since: new Date(since) })).toReversed();
}

/** Whether this database has one. */
export async function hasOutbox(tx: Transaction): Promise<boolean> {
  const [found] = await tx.execute<{ outbox: boolean }>(
    sql`select to_regclass('public.conexxus_sales') is not null as outbox`,
  );
  return found?.outbox === true;
}

/** By the view alone, which is all that the reader needs a right to. Also for whoever looks at its plan. */
export function saleLinesQuery({ id, ...place }: SaleInOutbox): SQL {
  return sql`
    select v.line::text, v.location_id as "locationId", v.date::text, v.total::text, v.state, v.since, v.reason
    from public.conexxus_sales v where v.id = ${id} and ${placeOf(place, sql`v.location_id`, sql`v.date`)}
    order by v.line desc nulls first limit ${NEWEST}`;
}

/** All its sales share its fate. */
function payloadQuery({ id, ...place }: SaleInOutbox): SQL {
  return sql`
    select null as line, p.location_id as "locationId", p.date::text, null as total, p.since, p.reason,
      case when p.state in ('planned', 'open', 'splitting', 'split') then 'enqueued'
        when p.fate = 'replaced' then p.fate else p.state end as state
    from (
      select *, (select s.date from conexxus.sale s where s.id = any(payload.sale_ids) limit 1) as date,
        (select s.fate from conexxus.sale s where s.id = any(payload.sale_ids) and s.payload_id = payload.id limit 1) as fate
      from conexxus.payload where sync_key = ${id}
    ) as p
    where ${placeOf(place, sql`p.location_id`, sql`p.date`)}`;
}

function placeOf({ locationId, date }: Omit<SaleInOutbox, 'id'>, ofLocation: SQL, ofDate: SQL): SQL {
  const here = locationId === undefined ? sql`true` : sql`${ofLocation} = ${locationId}`;
  const then = date === undefined ? sql`true` : sql`${ofDate} = ${date}::date`;
  return sql`${here} and ${then}`;
}
