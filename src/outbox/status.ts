import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { holdSnapshot } from './snapshot.ts';

/** What a store's sales are at; of the last 24 hours: delivered, flagged. */
const STATES = [
  'waiting',
  'enqueued',
  'dead',
  'apart',
  'replaced',
  'discarded',
  'delivered',
  'flagged',
] as const;
type State = (typeof STATES)[number];

export interface StoreStatus extends Readonly<Record<State, number>> {
  /** Null: what was written names none. */
  readonly locationId: string | null;
  /** When the oldest that waits was written; null: none waits. */
  readonly oldestWaitingAt: number | null;
}

export interface OutboxStatus {
  /** Clock of Postgres, as all times here. */
  readonly now: number;
  /** Why the relays send nothing until a person says so. */
  readonly held: string | null;
  /** Rows that no relay has taken yet. */
  readonly untaken: { readonly rows: number; readonly oldestAt: number | null };
  readonly stores: readonly StoreStatus[];
  /** Of those delivered in the last 24 hours; where there are none, of all that are kept. */
  readonly gathered: {
    readonly of: 'last day' | 'all kept';
    readonly payloads: number;
    readonly sales: number;
    readonly salesPerPayload: string | null;
  };
}

export async function readStatus(tx: Transaction): Promise<OutboxStatus> {
  await holdSnapshot(tx);
  const [relay] = await tx.execute<{ held: string | null; now: number }>(
    sql`select held, ${ms(sql`now()`)} as now from conexxus.relay`,
  );
  const [untaken] = await tx.execute<{ rows: number; oldestAt: number | null }>(
    sql`select count(*)::int as rows, ${ms(sql`min(created_at)`)} as "oldestAt" from conexxus.untaken`,
  );
  const lastDay = await readGathered(tx, true);
  return {
    now: relay?.now ?? Date.now(),
    held: relay?.held ?? null,
    untaken: { rows: untaken?.rows ?? 0, oldestAt: untaken?.oldestAt ?? null },
    stores: storesOf([...(await readUnsettled(tx)), ...(await readDelivered(tx))]),
    gathered: lastDay.payloads > 0 ? lastDay : await readGathered(tx, false),
  };
}

interface CountRow extends Record<string, unknown> {
  readonly locationId: string | null;
  readonly state: State;
  readonly count: number;
  readonly oldestAt: number | null;
}

function storesOf(rows: readonly CountRow[]): StoreStatus[] {
  const names = [...new Set(rows.map(({ locationId }) => locationId))];
  return names.map((locationId) => {
    const ofStore = rows.filter((row) => row.locationId === locationId);
    const count = (state: State) => ofStore.find((row) => row.state === state)?.count ?? 0;
    return {
      locationId,
      waiting: count('waiting'),
      oldestWaitingAt: ofStore.find(({ state }) => state === 'waiting')?.oldestAt ?? null,
      enqueued: count('enqueued'),
      dead: count('dead'),
      apart: count('apart'),
      replaced: count('replaced'),
      discarded: count('discarded'),
      delivered: count('delivered'),
      flagged: count('flagged'),
    };
  });
}

/** And those that were given up, which are few. By the indexes of just these: the settled ones are many. */
async function readUnsettled(tx: Transaction): Promise<CountRow[]> {
  const rows = await tx.execute<CountRow>(sql`
    with looked_at as (
      select s.id, s.location_id from conexxus.sale s where s.fate is not null
      union all
      select s.id, s.location_id
      from conexxus.payload p join conexxus.sale s on s.id = any(p.sale_ids) and s.payload_id = p.id
      where p.state in ('planned', 'open', 'splitting', 'dead', 'apart')
    )
    select s.location_id as "locationId", 'waiting' as state, count(*)::int as count,
      ${ms(sql`min(s.created_at)`)} as "oldestAt"
    from conexxus.sale s where s.payload_id is null and s.fate is null group by s.location_id
    union all
    select location_id, state, count(*)::int, null from (
      select l.location_id, (select v.state from public.conexxus_sales v where v.line = l.id) as state from looked_at l
    ) as told
    group by location_id, state
    order by "locationId"`);
  return [...rows];
}

/** Of an answer that names refusals, only those are flagged. */
async function readDelivered(tx: Transaction): Promise<CountRow[]> {
  const rows = await tx.execute<CountRow>(sql`
    with settled as (
      select location_id, cardinality(sale_ids) as sales,
        case when state <> 'flagged' then 0 when cardinality(refused) = 0 then cardinality(sale_ids)
          else cardinality(refused) end as flagged
      from conexxus.payload
      where state in ('delivered', 'flagged') and since > now() - interval '24 hours'
       
    )
    select location_id as "locationId", 'delivered' as state, sum(sales - flagged)::int as count, null as "oldestAt"
    from settled group by location_id
    union all
    select location_id, 'flagged', sum(flagged)::int, null from settled group by location_id`);
  return [...rows];
}

async function readGathered(tx: Transaction, lastDay: boolean): Promise<OutboxStatus['gathered']> {
  const young = lastDay ? sql`since > now() - interval '24 hours'` : sql`true`;
  const [row] = await tx.execute<{ payloads: number; sales: number; average: string | null }>(sql`
    select count(*)::int as payloads, coalesce(sum(cardinality(sale_ids)), 0)::int as sales,
      round(avg(cardinality(sale_ids)), 1)::text as average
    from conexxus.payload
    where state in ('delivered', 'flagged') and ${young}`);
  const { payloads = 0, sales = 0, average = null } = row ?? {};
  return { of: lastDay ? 'last day' : 'all kept', payloads, sales, salesPerPayload: average };
}

/** Milliseconds since 1970. */
function ms(moment: ReturnType<typeof sql>) {
  return sql`floor(extract(epoch from ${moment}) * 1000)::float8`;
}
