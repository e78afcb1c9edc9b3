import { sql } from 'drizzle-orm';
import type { Database, Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { postgresCause, postgresReason } from '../base/postgres-errors.ts';
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

export function createCatalog(database: Pick<Database, 'write'>): Catalog {
  async function upsert(locationId: string, rawItems: readonly unknown[]): Promise<CatalogUpdate> {
    const items = new Map<string, CatalogItem>();
    const errors: ItemError[] = [];
    let failed = 0;
    for (const [index, raw] of rawItems.entries()) {
      const parsed = parseItem(raw);
      if (parsed.item) items.set(parsed.item.sku, parsed.item);
      else if (failed++ < ERRORS_MAX) errors.push({ index, ...parsed.refusal });
    }
    await store(database, locationId, [...items.values()]);
    const processed = rawItems.length;
    return { status: statusOf(processed, failed), processed, succeeded: processed - failed, failed, errors };
  }
  return { isReady: () => isReady(database), upsert };
}

async function isReady(database: Pick<Database, 'write'>): Promise<boolean> {
  try {
    await database.write((tx) => tx.execute(sql`select 1 from inventory_items limit 0`));
    return true;
  } catch {
    return false;
  }
}

function statusOf(processed: number, failed: number): CatalogUpdate['status'] {
  if (failed === 0) return 'success';
  return failed === processed ? 'failed' : 'partial';
}

async function store(
  database: Pick<Database, 'write'>,
  locationId: string,
  items: CatalogItem[],
): Promise<void> {
  // One order for all, so that two updates of a store can't deadlock.
  items.sort((a, b) => (a.sku < b.sku ? -1 : 1));
  for (let start = 0; start < items.length; start += BATCH_SIZE) {
    const batch = items.slice(start, start + BATCH_SIZE);
    try {
      await database.write((tx) => storeBatch(tx, locationId, batch));
      tell('items-stored', { items: batch.length });
    } catch (thrown) {
      const message = `the catalog could not be stored: ${postgresReason(thrown)}`;
      throw new CatalogUnavailableError(message, { cause: postgresCause(thrown) });
    }
  }
}

async function storeBatch(tx: Transaction, locationId: string, items: readonly CatalogItem[]): Promise<void> {
  await tx
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
}
