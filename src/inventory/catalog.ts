import { DrizzleQueryError, sql } from 'drizzle-orm';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { ConexxusSyncError, errorMessage } from '../base/errors.ts';
import { type CatalogItem, parseItem } from './item.ts';
import { inventoryItems } from './schema.ts';

interface ItemError {
  /** Place in the answer, from 0. */
  readonly index: number;
  readonly sku?: string;
  readonly problems: readonly string[];
}

interface CatalogUpdate {
  /** `failed`: there were items and none was good. */
  readonly status: 'success' | 'partial' | 'failed';
  readonly processed: number;
  readonly succeeded: number;
  readonly failed: number;
  /** The first bad items, at most 20; `failed` tells how many there are. */
  readonly errors: readonly ItemError[];
}

export interface Catalog {
  /** Whether Postgres would take items now. */
  isReady(): Promise<boolean>;
  /**
   * Validates item by item and stores the good ones; of one sku given twice the last wins.
   * Rejects with `CatalogUnavailableError`; part of the items may be stored then, and doing it again is right.
   */
  upsert(locationId: string, rawItems: readonly unknown[]): Promise<CatalogUpdate>;
}

/** Postgres did not take the items. */
class CatalogUnavailableError extends ConexxusSyncError {
  readonly code = 'CATALOG_UNAVAILABLE';
}

const ERRORS_MAX = 20;
/** Larger statements are built more slowly per row, and hold up the event loop. */
const BATCH_SIZE = 250;

export function createCatalog(db: PostgresJsDatabase): Catalog {
  async function upsert(locationId: string, rawItems: readonly unknown[]): Promise<CatalogUpdate> {
    const items = new Map<string, CatalogItem>();
    const errors: ItemError[] = [];
    let failed = 0;
    for (const [index, raw] of rawItems.entries()) {
      const parsed = parseItem(raw);
      if (parsed.item) items.set(parsed.item.sku, parsed.item);
      else if (failed++ < ERRORS_MAX) errors.push({ index, ...parsed.refusal });
    }
    await store(db, locationId, [...items.values()]);
    const processed = rawItems.length;
    return { status: statusOf(processed, failed), processed, succeeded: processed - failed, failed, errors };
  }
  return { isReady: () => isReady(db), upsert };
}

async function isReady(db: PostgresJsDatabase): Promise<boolean> {
  try {
    await db.execute(sql`select 1 from inventory_items limit 0`);
    return true;
  } catch {
    return false;
  }
}

function statusOf(processed: number, failed: number): CatalogUpdate['status'] {
  if (failed === 0) return 'success';
  return failed === processed ? 'failed' : 'partial';
}

async function store(db: PostgresJsDatabase, locationId: string, items: CatalogItem[]): Promise<void> {
  // One order for all, so that two updates of a store can't deadlock.
  items.sort((a, b) => (a.sku < b.sku ? -1 : 1));
  for (let start = 0; start < items.length; start += BATCH_SIZE) {
    await storeBatch(db, locationId, items.slice(start, start + BATCH_SIZE));
  }
}

async function storeBatch(db: PostgresJsDatabase, locationId: string, items: CatalogItem[]): Promise<void> {
  try {
    await db
      .insert(inventoryItems)
      .values(items.map((item) => ({ ...item, locationId })))
      .onConflictDoUpdate({
        target: [inventoryItems.locationId, inventoryItems.sku],
        set: {
          name: sql`excluded.name`,
          price: sql`excluded.price`,
          category: sql`excluded.category`,
          description: sql`excluded.description`,
          updatedAt: sql`now()`,
        },
      });
  } catch (thrown) {
    // Drizzle's message holds every parameter.
    const cause = thrown instanceof DrizzleQueryError ? thrown.cause : thrown;
    throw new CatalogUnavailableError(`the catalog could not be stored: ${errorMessage(cause)}`, { cause });
  }
}
