import type { Sql } from 'postgres';
import { JsonNumber } from '../../src/base/json-number.ts';
import type { Catalog } from '../../src/inventory/catalog.ts';

/** An answer with these items comes and is stored. */
export async function fetchedBy(
  catalog: Catalog,
  locationId: string,
  items: readonly unknown[],
  signal?: AbortSignal,
) {
  const incoming = catalog.receive();
  for (const one of items) incoming.add(asRead(one));
  return catalog.replace(locationId, incoming, signal);
}

/** As it comes from the wire: numbers keep their digits. */
function asRead(one: unknown): unknown {
  if (typeof one !== 'object' || one === null) return one;
  const members = Object.entries(one).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'number' ? new JsonNumber(String(value)) : value,
  ]);
  return Object.fromEntries(members);
}

export const item = (sku: string, more: object = {}) => ({ sku, name: sku, price: 1, ...more });

export async function readItems(sql: Sql, locationId: string) {
  return Array.from(
    await sql`
      select sku, name, trim_scale(price)::text as price, category, description, first_seen_at, updated_at
      from inventory_items where location_id = ${locationId} order by sku`,
  );
}
