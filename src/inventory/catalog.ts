import { sql } from 'drizzle-orm';
import type { Database, Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { postgresCause, postgresReason } from '../base/postgres-errors.ts';
import { createIncoming, type Gathered, type Incoming, type ItemError } from './incoming.ts';
import { countLacking, countThere, lockCatalog, markMissing, storeBatch } from './replace.ts';

interface CatalogUpdate {
  /** `failed`: there were items and none was good. */
  readonly status: 'success' | 'partial' | 'failed';
  readonly processed: number;
  readonly succeeded: number;
  readonly failed: number;
  /** The first bad items, at most 100; `failed` tells how many there are. */
  readonly errors: readonly ItemError[];
  /** Items that were in the catalog before, and how many of them this one does not name. */
  readonly there: number;
  readonly missing: number;
  /** False: more than half of what was there is missing, and was left as it is. */
  readonly marked: boolean;
}

export interface Catalog {
  /** Whether Postgres would take items now. */
  isReady(): Promise<boolean>;
  /** A store's whole catalog, to be given to `replace` once all of it has come. */
  receive(): Incoming;
  /**
   * Makes it the store's catalog in one step: the good items are stored, of one sku given twice the last; what the
   * catalog lacks is marked as missing and stays; a bad item changes nothing of a stored one, which is not missing.
   * Rejects with `CatalogUnavailableError`, also where `signal` ends it; then nothing was changed.
   */
  replace(locationId: string, incoming: Incoming, signal?: AbortSignal): Promise<CatalogUpdate>;
}

/** Postgres did not take the items. */
class CatalogUnavailableError extends ConexxusSyncError {
  readonly code = 'CATALOG_UNAVAILABLE';
}

/** A catalog that lacks more of what is there is more likely a mistake than a clearance. */
const LACKING_MAX = 0.5;

export function createCatalog(database: Pick<Database, 'write'>): Catalog {
  return {
    isReady: () => isReady(database),
    receive: createIncoming,
    async replace(locationId, incoming, signal) {
      const gathered = incoming.done();
      const { processed, failed, errors } = gathered;
      const stored = await store(database, locationId, gathered, signal);
      const counts = { processed, succeeded: processed - failed, failed, ...stored };
      tell('catalog-stored', { location: locationId, ...counts });
      if (!stored.marked) tell('catalog-too-small', { location: locationId, ...stored });
      return { status: statusOf(gathered), ...counts, errors };
    },
  };
}

async function isReady(database: Pick<Database, 'write'>): Promise<boolean> {
  try {
    await database.write((tx) => tx.execute(sql`select 1 from inventory_items limit 0`));
    return true;
  } catch {
    return false;
  }
}

function statusOf({ processed, failed }: Gathered): CatalogUpdate['status'] {
  if (failed === 0) return 'success';
  return failed === processed ? 'failed' : 'partial';
}

type Stored = Pick<CatalogUpdate, 'there' | 'missing' | 'marked'>;

async function store(
  database: Pick<Database, 'write'>,
  locationId: string,
  gathered: Gathered,
  signal: AbortSignal | undefined,
): Promise<Stored> {
  try {
    return await database.write((tx) => storeAll(tx, locationId, gathered, signal));
  } catch (thrown) {
    if (thrown instanceof CatalogUnavailableError) throw thrown;
    const message = `the catalog could not be stored: ${postgresReason(thrown)}`;
    throw new CatalogUnavailableError(message, { cause: postgresCause(thrown) });
  }
}

async function storeAll(
  tx: Transaction,
  locationId: string,
  { batches }: Gathered,
  signal: AbortSignal | undefined,
): Promise<Stored> {
  if (!(await lockCatalog(tx, locationId)))
    throw new CatalogUnavailableError('another catalog of this store is being stored');
  const there = await countThere(tx, locationId);
  for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
    if (signal?.aborted) throw new CatalogUnavailableError('cut off by our own shutdown');
    await storeBatch(tx, locationId, batch);
    tell('items-stored', { items: batch.items });
  }
  const missing = await countLacking(tx, locationId);
  const marked = missing <= LACKING_MAX * there;
  if (marked && missing > 0) {
    await markMissing(tx, locationId, (items) => tell('items-stored', { items }));
  }
  return { there, missing, marked };
}
