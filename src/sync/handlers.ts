import { errorMessage } from '../base/errors.ts';
import type { ConexxusClient } from '../conexxus/client.ts';
import type { Outcome } from '../conexxus/outcome.ts';
import type { Catalog } from '../inventory/catalog.ts';
import type { JobName, SyncJob } from './jobs/jobs.ts';

/** What doing a job came to: the call's outcome, and what was done with its answer. */
export interface Performed {
  readonly outcome: Outcome;
  /** Fetched, but it could not be stored. */
  readonly unstored?: { readonly message: string };
  readonly details?: Readonly<Record<string, unknown>>;
}

interface Handler {
  /** False: what the job needs besides the API is away, so the call is not worth making. */
  isReady(): Promise<boolean>;
  perform(job: SyncJob, signal: AbortSignal | undefined): Promise<Performed>;
}

export type Handlers = Readonly<Record<JobName, Handler>>;

/** How each job of the catalog is done. */
export function createHandlers(client: ConexxusClient, catalog: Catalog): Handlers {
  return {
    push_sales: {
      isReady: () => Promise.resolve(true),
      async perform(job, signal) {
        const { data, transactionIds, syncKey: idempotencyKey = '' } = job;
        return { outcome: await client.pushSales(data, { idempotencyKey, transactionIds, signal }) };
      },
    },
    fetch_inventory: {
      isReady: () => catalog.isReady(),
      async perform(job, signal) {
        const { outcome, items } = await client.fetchInventory({ signal });
        if (items === undefined) return { outcome };
        try {
          return { outcome, details: { ...(await catalog.upsert(job.locationId, items)) } };
        } catch (error) {
          return { outcome, unstored: { message: errorMessage(error) } };
        }
      },
    },
  };
}
