import { errorMessage } from '../base/errors.ts';
import { withSmallOldHeap } from '../base/small-heap.ts';
import type { ConexxusClient } from '../conexxus/client.ts';
import type { Outcome } from '../conexxus/outcome.ts';
import type { Catalog } from '../inventory/catalog.ts';
import type { FetchPlaces, Reservation } from './fetch-places.ts';
import type { JobName, SyncJob } from './jobs/jobs.ts';

/** What doing a job came to: the call's outcome, and what was done with its answer. */
export interface Performed {
  readonly outcome: Outcome;
  /** Fetched, but it could not be stored. */
  readonly unstored?: { readonly message: string };
  readonly details?: Readonly<Record<string, unknown>>;
}

interface Handler {
  /** Undefined: what the job needs besides the API is away or taken, so there is no call now. Rejects as Redis does. */
  reserve(): Promise<Reservation | undefined>;
  perform(job: SyncJob, signal: AbortSignal | undefined): Promise<Performed>;
}

export type Handlers = Readonly<Record<JobName, Handler>>;

interface HandlerDeps {
  readonly client: ConexxusClient;
  readonly catalog: Catalog;
  readonly fetchPlaces: FetchPlaces;
}

const NOTHING: Reservation = { release: () => Promise.resolve() };

/** How each job of the catalog is done. */
export function createHandlers({ client, catalog, fetchPlaces }: HandlerDeps): Handlers {
  return {
    push_sales: {
      reserve: () => Promise.resolve(NOTHING),
      async perform(job, signal) {
        const { json, transactionIds, syncKey: idempotencyKey = '' } = job;
        return { outcome: await client.pushSales(json, { idempotencyKey, transactionIds, signal }) };
      },
    },
    fetch_inventory: {
      reserve: async () => ((await catalog.isReady()) ? fetchPlaces.take() : undefined),
      perform: (job, signal) => withSmallOldHeap(() => fetchCatalog(client, catalog, job.locationId, signal)),
    },
  };
}

async function fetchCatalog(
  client: ConexxusClient,
  catalog: Catalog,
  locationId: string,
  signal: AbortSignal | undefined,
): Promise<Performed> {
  const incoming = catalog.receive();
  const outcome = await client.fetchInventory({ onItem: (item) => incoming.add(item), signal });
  if (outcome.kind !== 'delivered') return { outcome };
  try {
    return { outcome, details: { ...(await catalog.replace(locationId, incoming, signal)) } };
  } catch (error) {
    return { outcome, unstored: { message: errorMessage(error) } };
  }
}
