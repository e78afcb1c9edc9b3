import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import type { Batch } from './incoming.ts';

const MARK_ITEMS = 5_000;

// `now()` is when the transaction began, the same in all of its statements: by it what this fetch named is known.

/**
 * Whether it was free. Until the end of the transaction no other catalog of this store is written: of two that come at
 * once each would take the other's items for missing.
 */
export async function lockCatalog(tx: Transaction, locationId: string): Promise<boolean> {
  const name = `conexxus-sync catalog ${locationId}`;
  const [row] = await tx.execute<{ locked: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as locked`,
  );
  return row?.locked === true;
}

/** One text for all items: a parameter for each field would hold up the event loop. */
export async function storeBatch(tx: Transaction, locationId: string, batch: Batch): Promise<void> {
  await tx.execute(sql`
    insert into inventory_items (location_id, sku, name, price, category, description)
    select ${locationId}, sku, name, price, category, description
    from json_to_recordset(${batch.good()}::text::json)
      as item(sku text, name text, price numeric, category text, description text)
    on conflict (location_id, sku) do update set
      name = excluded.name, price = excluded.price, category = excluded.category,
      description = excluded.description, updated_at = now(), listed_at = now(), missing_since = null`);
  const bad = batch.bad();
  if (bad === undefined) return;
  await tx.execute(sql`
    update inventory_items set listed_at = now(), missing_since = null
    where location_id = ${locationId}
      and sku in (select json_array_elements_text(${bad}::text::json))`);
}

/** Asked before the first batch. */
export async function countThere(tx: Transaction, locationId: string): Promise<number> {
  return count(tx, locationId, sql`missing_since is null`);
}

/** Asked after the last one. */
export async function countLacking(tx: Transaction, locationId: string): Promise<number> {
  return count(tx, locationId, LACKING);
}

const LACKING = sql`missing_since is null and listed_at <> now()`;

async function count(
  tx: Transaction,
  locationId: string,
  condition: ReturnType<typeof sql>,
): Promise<number> {
  const [row] = await tx.execute<{ items: number }>(sql`
    select count(*)::int as items from inventory_items where location_id = ${locationId} and ${condition}`);
  return row?.items ?? 0;
}

/** Page by page, each within the time that a statement has. `onPage` hears how many were marked. */
export async function markMissing(
  tx: Transaction,
  locationId: string,
  onPage: (items: number) => void,
): Promise<void> {
  for (let after: string | null = ''; after !== null; ) {
    const page: { items: number; last: string | null } = await markPage(tx, locationId, after);
    onPage(page.items);
    after = page.last;
  }
}

async function markPage(tx: Transaction, locationId: string, after: string) {
  const [page] = await tx.execute<{ items: number; last: string | null }>(sql`
    with page as (
      select sku from inventory_items
      where location_id = ${locationId} and sku > ${after} and ${LACKING}
      order by sku limit ${MARK_ITEMS}
    ), marked as (
      update inventory_items set missing_since = now() from page
      where inventory_items.location_id = ${locationId} and inventory_items.sku = page.sku
      returning inventory_items.sku
    )
    select count(*)::int as items, max(sku) as last from marked`);
  return page ?? { items: 0, last: null };
}
