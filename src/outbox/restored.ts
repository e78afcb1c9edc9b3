import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Database, Transaction } from '../base/database.ts';
import { eventLog } from '../events/schema.ts';
import { payload } from './schema.ts';

/** Enough to know that there are some. */
const LOOKED_AT = 200;

/**
 * Why nothing may be sent, if so: the event log knows deliveries of our stores that come after the last payload
 * here, and are of none. The database of the POS was restored from a backup, and has forgotten what was sent
 * meanwhile: gathered anew, those sales would go a second time, under other keys.
 */
export async function findForgotten(
  outbox: Pick<Database, 'read'>,
  log: Pick<Database, 'read'>,
): Promise<string | null> {
  const since = await outbox.read(lastKnown);
  if (since === null) return null;
  const delivered = await log.read((tx) =>
    tx
      .select({ syncKey: eventLog.aggregateId, locationId: eventLog.locationId, at: eventLog.timestamp })
      .from(eventLog)
      .where(and(eq(eventLog.eventType, 'conexxus.sync.succeeded.push_sales'), gt(eventLog.timestamp, since)))
      .orderBy(asc(eventLog.timestamp))
      .limit(LOOKED_AT),
  );
  const syncKeys = delivered.map(({ syncKey }) => syncKey);
  const locationIds = delivered.flatMap(({ locationId }) => locationId ?? []);
  const known = new Set([
    ...(await outbox.read((tx) => knownAmong(tx, syncKeys))),
    ...(await log.read((tx) => replacementsAmong(tx, syncKeys))),
  ]);
  const ours = await outbox.read((tx) => storesAmong(tx, locationIds));
  const forgotten = delivered.filter(
    ({ syncKey, locationId }) => !known.has(syncKey) && ours.has(locationId ?? ''),
  );
  const [first] = forgotten;
  if (first === undefined) return null;
  const count = delivered.length === LOOKED_AT ? `${forgotten.length} or more` : forgotten.length;
  const deliveries = count === 1 ? 'a delivery' : `${count} deliveries`;
  return (
    `the event log knows ${deliveries} since ${first.at.toISOString()} that the outbox does not: ` +
    'was its database restored from a backup?'
  );
}

/** When the last payload was written down, or a person last said that all is well; null: none ever was. */
async function lastKnown(tx: Transaction): Promise<Date | null> {
  const [row] = await tx.execute<{ since: string | null }>(sql`
    select greatest(last.created_at, released_at)::text as since
    from conexxus.relay cross join (select created_at from conexxus.payload order by id desc limit 1) as last`);
  return row?.since ? new Date(row.since) : null;
}

async function knownAmong(tx: Transaction, syncKeys: readonly string[]): Promise<ReadonlySet<string>> {
  if (syncKeys.length === 0) return new Set();
  const rows = await tx
    .select({ syncKey: payload.syncKey })
    .from(payload)
    .where(inArray(payload.syncKey, [...syncKeys]));
  return new Set(rows.map(({ syncKey }) => syncKey));
}

/** What people edited dead sales into, while no relay was at work. */
async function replacementsAmong(tx: Transaction, syncKeys: readonly string[]): Promise<string[]> {
  if (syncKeys.length === 0) return [];
  const rows = await tx
    .select({ syncKey: eventLog.aggregateId })
    .from(eventLog)
    .where(
      and(
        inArray(eventLog.aggregateId, [...syncKeys]),
        eq(eventLog.eventType, 'conexxus.sync.replaces.push_sales'),
      ),
    );
  return rows.map(({ syncKey }) => syncKey);
}

/** Stores that sell through this outbox: others may enqueue by themselves, or have one of their own. */
async function storesAmong(tx: Transaction, locationIds: readonly string[]): Promise<ReadonlySet<string>> {
  const given = JSON.stringify([...new Set(locationIds)]);
  const rows = await tx.execute<{ store: string }>(sql`
    select store from jsonb_array_elements_text(${given}::text::jsonb) as store
    cross join lateral (select from conexxus.payload where location_id = store limit 1) as ours`);
  return new Set(rows.map(({ store }) => store));
}
