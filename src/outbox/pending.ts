import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { transactionIdsOf } from '../sync/jobs/payload.ts';

/** Sales that were rung up together, or travel together, and are not settled. */
interface PendingSales {
  readonly locationId: string;
  readonly date: string | null;
  /** Of the payload that they travel in; null: they have none yet. */
  readonly jobId: string | null;
  readonly transactionIds: readonly string[];
  readonly state: 'waiting' | 'enqueued';
  readonly since: Date;
}

/** In the order in which a sale goes through them: what moves on meanwhile is met again, and none is missed. */
const PHASES = ['untaken', 'waiting', 'travelling'] as const;
type Phase = (typeof PHASES)[number];

/** Behind which a page begins. */
export interface PendingPlace {
  readonly phase: Phase;
  /** Of the last one that was looked at: numbers of Postgres. */
  readonly after: readonly string[];
}

export interface PendingPage {
  readonly sales: readonly PendingSales[];
  /** Null: it was the last one. */
  readonly next: PendingPlace | null;
}

type Found = Record<string, unknown> & {
  readonly at: readonly string[];
  readonly locationId: string | null;
  readonly date: string | null;
  readonly jobId: string | null;
  readonly sales: unknown;
  readonly since: string;
};

export const FIRST_PENDING: PendingPlace = { phase: 'untaken', after: ['0', '0'] };

export function isPhase(text: string): text is Phase {
  return PHASES.some((phase) => phase === text);
}

/** The next ones of these stores. A page may be empty and not the last: much may wait of other stores. */
export async function readPending(
  tx: Transaction,
  locationIds: readonly string[],
  { phase, after }: PendingPlace,
  limit: number,
): Promise<PendingPage> {
  const found = await tx.execute<Found>(QUERIES[phase](locationIds, after, limit));
  const last = found.at(-1);
  const following = PHASES[PHASES.indexOf(phase) + 1];
  const sales = found.flatMap((row) => pendingOf(phase, row, locationIds));
  if (found.length === limit && last !== undefined) return { sales, next: { phase, after: last.at } };
  return { sales, next: following === undefined ? null : { phase: following, after: ['0', '0'] } };
}

function pendingOf(
  phase: Phase,
  { locationId, date, jobId, sales, since }: Found,
  locationIds: readonly string[],
): PendingSales[] {
  if (locationId === null || !locationIds.includes(locationId)) return [];
  const ids = phase === 'untaken' ? transactionIdsOf({ transactions: sales }) : texts(sales);
  const state = phase === 'travelling' ? 'enqueued' : 'waiting';
  return [{ locationId, date, jobId, transactionIds: ids, state, since: new Date(since) }];
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
}

type Query = (locationIds: readonly string[], after: readonly string[], limit: number) => SQL;

const QUERIES: Readonly<Record<Phase, Query>> = {
  // Rows of all stores, so that a page costs the same however much waits of the others.
  untaken: (_locationIds, [xid = '0', id = '0'], limit) => sql`
    select array[xid::text, id::text] as at, data ->> 'locationId' as "locationId",
      conexxus.day_of(data ->> 'date')::text as date, null as "jobId", data -> 'transactions' as sales,
      created_at as since
    from conexxus.untaken where (xid, id) > (${xid}::xid8, ${id}::bigint) and job_name = 'push_sales'
    order by xid, id limit ${limit}`,
  waiting: (locationIds, [id = '0'], limit) => sql`
    select array[id::text] as at, location_id as "locationId", date::text, null as "jobId",
      to_json(array_remove(array[transaction_id], null)) as sales, since
    from conexxus.sale
    where payload_id is null and fate is null and location_id = any(${placesOf(locationIds)}) and id > ${id}::bigint
    order by id limit ${limit}`,
  travelling: (locationIds, [id = '0'], limit) => sql`
    select array[p.id::text] as at, p.location_id as "locationId", member.date::text, p.sync_key as "jobId",
      member.ids as sales, p.since
    from conexxus.payload p cross join lateral (
      select min(s.date) as date, coalesce(json_agg(s.transaction_id) filter (where s.transaction_id is not null), '[]') as ids
      from conexxus.sale s where s.id = any(p.sale_ids)
    ) as member
    where p.state in ('planned', 'open', 'splitting') and p.location_id = any(${placesOf(locationIds)})
      and p.id > ${id}::bigint
    order by p.id limit ${limit}`,
};

function placesOf(locationIds: readonly string[]): SQL {
  return sql`array(select json_array_elements_text(${JSON.stringify(locationIds)}::text::json))`;
}
