import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import type { Database, Transaction } from '../base/database.ts';
import { type Counts, type Report, writeReport } from './counts.ts';
import type { Memory } from './memory.ts';

/** Tells in Redis what a relay at work knows, for pages and metrics. */
export interface Reporter {
  /** Every few seconds at most; rejects where it could not be told. Nobody is to wait for it. */
  report(memory: Memory, step: Step): Promise<void>;
}

interface Step {
  readonly workingMs: number;
  readonly held: string | null;
  /** There is more in the outbox than this step took. */
  readonly more: boolean;
}

interface ReporterDeps {
  readonly redis: Redis;
  readonly namespace: string;
  /** Of this relay. */
  readonly name: string;
  readonly outbox: Pick<Database, 'read'>;
  /** Between two reports; default 5,000. */
  readonly paceMs?: number;
}

/** What a relay does not remember. */
interface Rest {
  /** Those that ever sold through this outbox, as far as it is kept. */
  readonly stores: readonly string[];
  /** By store; null: of none that could be read. */
  readonly apart: ReadonlyMap<string | null, number>;
  /** By store; empty where the relay remembers all. */
  readonly waiting: ReadonlyMap<string, number>;
  readonly untaken: { readonly rows: number; readonly oldestAt: number | null };
  /** Clock of Postgres, less that of this process. */
  readonly aheadMs: number;
}

const PACE_MS = 5_000;
/** A million that wait take half a second to count: that is to be a small part of the time. */
const REST_MS = 10_000;
const REST_SHARE = 20;
const NONE: Counts = { waiting: 0, enqueued: 0, dead: 0, apart: 0, oldestAt: null };
const NO_REST: Rest = {
  stores: [],
  apart: new Map(),
  waiting: new Map(),
  untaken: { rows: 0, oldestAt: null },
  aheadMs: 0,
};

export function createReporter(deps: ReporterDeps): Reporter {
  const { redis, namespace, name, outbox, paceMs = PACE_MS } = deps;
  let rest = NO_REST;
  let restAt = Number.NEGATIVE_INFINITY;
  let nextAt = Number.NEGATIVE_INFINITY;
  let told = '';

  async function askRest(isCut: boolean, more: boolean): Promise<void> {
    const begun = performance.now();
    rest = await outbox.read((tx) => readRest(tx, isCut, more));
    restAt = performance.now() + Math.max(REST_MS, REST_SHARE * (performance.now() - begun));
    // Whatever a relay wrote meanwhile that was frozen and woke up.
    told = '';
  }

  return {
    async report(memory, { workingMs, held, more }) {
      const startedAt = performance.now();
      if (startedAt < nextAt) return;
      nextAt = startedAt + paceMs;
      const isCut = [...memory.waiting.stores().values()].some((store) => store.more);
      if (startedAt >= restAt) await askRest(isCut, more);
      const counted = count(memory, rest, more);
      const news = JSON.stringify([counted.total, ...counted.stores]);
      const now = Date.now() + rest.aheadMs;
      const relay = { name, workingMs, held, untaken: more ? rest.untaken.rows : 0, now };
      const isWhole = await writeReport(redis, namespace, { ...counted, relay }, news !== told);
      told = isWhole ? news : '';
    },
  };
}

function count(
  { waiting, journey }: Pick<Memory, 'waiting' | 'journey'>,
  rest: Rest,
  more: boolean,
): Omit<Report, 'relay'> {
  const stores = new Map<string, Counts>(rest.stores.map((locationId) => [locationId, { ...NONE }]));
  const storeOf = (locationId: string): Counts => {
    const counts = stores.get(locationId) ?? { ...NONE };
    stores.set(locationId, counts);
    return counts;
  };
  for (const [locationId, kept] of waiting.stores()) {
    const counts = storeOf(locationId);
    counts.waiting = kept.more ? Math.max(kept.sales, rest.waiting.get(locationId) ?? 0) : kept.sales;
    counts.oldestAt = kept.since > 0 ? kept.since : null;
  }
  for (const { locationId, members, state } of journey.all()) {
    storeOf(locationId)[state === 'dead' ? 'dead' : 'enqueued'] += members;
  }
  for (const [locationId, sales] of rest.apart) if (locationId !== null) storeOf(locationId).apart = sales;
  const total = { ...NONE, apart: rest.apart.get(null) ?? 0, oldestAt: more ? rest.untaken.oldestAt : null };
  for (const counts of stores.values()) addTo(total, counts);
  return { total, stores };
}

function addTo(total: Counts, { waiting, enqueued, dead, apart, oldestAt }: Counts): void {
  total.waiting += waiting;
  total.enqueued += enqueued;
  total.dead += dead;
  total.apart += apart;
  if (oldestAt !== null) total.oldestAt = Math.min(oldestAt, total.oldestAt ?? oldestAt);
}

/** By the indexes of just these. */
async function readRest(tx: Transaction, isCut: boolean, more: boolean): Promise<Rest> {
  const [clock] = await tx.execute<{ now: number }>(sql`
    select (extract(epoch from now()) * 1000)::float8 as now`);
  const apart = await tx.execute<{ locationId: string | null; sales: number }>(sql`
    select location_id as "locationId", sum(sales)::float8 as sales from (
      select location_id, count(*) as sales from conexxus.sale where fate = 'apart' group by location_id
      union all
      select location_id, sum(cardinality(sale_ids)) from conexxus.payload
      where state in ('planned', 'open', 'splitting', 'dead', 'apart') and state = 'apart' group by location_id
    ) as found group by location_id`);
  return {
    stores: await readStores(tx),
    apart: new Map(apart.map(({ locationId, sales }) => [locationId, sales])),
    waiting: isCut ? await countWaiting(tx) : new Map(),
    untaken: more ? await countUntaken(tx) : NO_REST.untaken,
    aheadMs: (clock?.now ?? Date.now()) - Date.now(),
  };
}

/** One after the other: each has many payloads. */
async function readStores(tx: Transaction): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    with recursive store as (
      select min(location_id) as id from conexxus.payload
      union all
      select (select min(location_id) from conexxus.payload where location_id > store.id) from store
      where store.id is not null
    )
    select id from store where id is not null`);
  return rows.map(({ id }) => id);
}

async function countWaiting(tx: Transaction): Promise<Map<string, number>> {
  const rows = await tx.execute<{ locationId: string; sales: number }>(sql`
    select location_id as "locationId", count(*)::float8 as sales from conexxus.sale
    where payload_id is null and fate is null group by location_id`);
  return new Map(rows.map(({ locationId, sales }) => [locationId, sales]));
}

async function countUntaken(tx: Transaction): Promise<Rest['untaken']> {
  const [row] = await tx.execute<{ rows: number; oldestAt: number | null }>(sql`
    select count(*)::float8 as rows, (extract(epoch from min(created_at)) * 1000)::float8 as "oldestAt"
    from conexxus.untaken`);
  return { rows: row?.rows ?? 0, oldestAt: row?.oldestAt ?? null };
}
