import type { Database } from '../../base/database.ts';
import type { LoggedEvent } from '../../events/logged-event.ts';
import { readOfStore, readStoreTimes } from '../../events/recent.ts';
import { type CatalogSize, readCatalogSize } from '../../inventory/catalog-size.ts';
import { type Books, readBooks } from '../../outbox/books.ts';
import type { Counts } from '../../outbox/counts.ts';
import { hasOutbox } from '../../outbox/sale-lines.ts';
import type { Told } from '../../sales/sale-traces.ts';
import type { StoreInTurn } from '../../sync/report/stores-in-turn.ts';
import { askPostgres } from './asked.ts';
import type { Reader } from './reader.ts';

export interface StorePageDeps {
  readonly database: Pick<Database, 'read'>;
  readonly outboxDatabase: Pick<Database, 'read'>;
  readonly reader: Reader;
}

/** All that a store's page shows. Times are ms; null: nobody knows. */
export interface StoreSeen {
  readonly locationId: string;
  /** Business date of the books. */
  readonly date: string;
  /** Null: there is no outbox. */
  readonly books: Told<Books | null>;
  readonly log: Told<StoreLog>;
  /** Of the outbox; null: it is not on one, as far as a relay told. */
  readonly outbox: Counts | null;
  /** Of the queue's jobs next in turn; null: none is of this store. */
  readonly inTurn: StoreInTurn | null;
  readonly now: number;
}

interface StoreLog {
  readonly soldAt: number | null;
  readonly catalogAt: number | null;
  readonly failedAt: number | null;
  readonly catalog: CatalogSize;
  /** The newest first. */
  readonly events: readonly LoggedEvent[];
}

const EVENTS = 30;
const PROBLEMS_NAMED = 20;

export async function seeStore(deps: StorePageDeps, locationId: string, date: string): Promise<StoreSeen> {
  const [books, log, seen] = await Promise.all([
    askPostgres(readBooksOf(deps, locationId, date)),
    askPostgres(readLogOf(deps, locationId)),
    deps.reader.look(),
  ]);
  return {
    locationId,
    date,
    books,
    log,
    outbox: seen.outbox.value?.stores.get(locationId) ?? null,
    inTurn: seen.stores.value?.stores.find((store) => store.locationId === locationId) ?? null,
    now: seen.now,
  };
}

/** In two transactions: the books are of one moment, which has to begin with them. */
async function readBooksOf(
  { outboxDatabase }: StorePageDeps,
  locationId: string,
  date: string,
): Promise<Books | null> {
  if (!(await outboxDatabase.read(hasOutbox))) return null;
  return outboxDatabase.read((tx) => readBooks(tx, { locationId, date }, PROBLEMS_NAMED));
}

function readLogOf({ database }: StorePageDeps, locationId: string): Promise<StoreLog> {
  return database.read(async (tx) => {
    const times = await readStoreTimes(tx, locationId);
    return {
      soldAt: times?.soldAt ?? null,
      catalogAt: times?.catalogAt ?? null,
      failedAt: times?.failedAt ?? null,
      catalog: await readCatalogSize(tx, locationId),
      events: await readOfStore(tx, locationId, EVENTS),
    };
  });
}
