import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';

export interface CatalogSize {
  readonly items: number;
  /** ms since 1970; null: there are none. */
  readonly updatedAt: number | null;
}

/** What is stored of a location's catalog. */
export async function readCatalogSize(tx: Transaction, locationId: string): Promise<CatalogSize> {
  const [size] = await tx.execute<CatalogSize & Record<string, unknown>>(sql`
    select count(*)::int as items, (extract(epoch from max(updated_at)) * 1000)::float8 as "updatedAt"
    from inventory_items where location_id = ${locationId}`);
  return { items: size?.items ?? 0, updatedAt: size?.updatedAt ?? null };
}
