import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Transaction } from '../base/database.ts';
import { eventStreamKey } from '../events/event.ts';
import { readFates, type Standing, standingOf } from '../events/fates.ts';
import { readSaleEvents, type SaleEvents } from '../events/sale-events.ts';
import type { SaleLine } from '../outbox/sale-lines.ts';
import type { GateOptions } from '../sync/gate/gate-script.ts';
import { readPauser } from '../sync/gate/pauser.ts';
import { readDelivered } from '../sync/producer/known-jobs.ts';
import { crewWords, queueWords } from '../sync/report/circuit-words.ts';
import { createFleet, type FleetView } from '../sync/report/fleet.ts';
import { findJobsOfSale, type QueuedJob, readQueuedJobs } from '../sync/report/jobs-of-sale.ts';

/** Whose traces; each of them narrows the others. */
export interface WantedSale {
  /** Transaction id, job id or sync key. */
  readonly id: string;
  readonly locationId?: string | undefined;
  readonly date?: string | undefined;
}

/** What a store of facts told, or why it could not. */
export type Told<Facts> = { readonly told: Facts } | { readonly untold: string };

export interface QueueTraces {
  readonly jobs: readonly QueuedJob[];
  /** Of payloads that Redis remembers as delivered. */
  readonly remembered: ReadonlySet<string>;
  /** Why nothing is taken from it now; null: it goes on. */
  readonly obstacle: string | null;
  /** Rows of the log that are not written yet. */
  readonly unwritten: number;
  /** Redis's clock. */
  readonly now: number;
}

export interface LogTraces extends SaleEvents {
  readonly standings: ReadonlyMap<string, Standing>;
}

export interface SaleTraces {
  readonly log: Told<LogTraces>;
  readonly queue: Told<QueueTraces>;
  /** Null: there is no outbox. */
  readonly outbox: Told<readonly SaleLine[] | null>;
}

/** Sales have one job or two; one that has hundreds is somebody's test. */
const JOBS = 50;
const SYNC_KEY = /^ps-[0-9a-f]{64}$/;

export async function readLogTraces(tx: Transaction, { id, locationId }: WantedSale): Promise<LogTraces> {
  const found = await readSaleEvents(tx, { id, locationId });
  const fates = await readFates({ read: (work) => work(tx) }, jobsIn(found));
  const standings = new Map([...fates].map(([jobId, fate]) => [jobId, standingOf(fate)]));
  return { ...found, standings };
}

/** The newest ones. */
export function jobsIn({ events }: SaleEvents): string[] {
  return [...new Set(events.map(({ jobId }) => jobId))].slice(-JOBS);
}

interface QueueDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly ownOptions: GateOptions;
}

/**
 * `jobIds`: what is known to have held the sale. Of an id that is no sync key Redis looks through all jobs, unless
 * `search` is false.
 */
export async function readQueueTraces(
  { redis, queue, namespace, ownOptions }: QueueDeps,
  { id, locationId }: WantedSale,
  jobIds: readonly string[],
  search = !SYNC_KEY.test(id),
): Promise<QueueTraces> {
  const holding = search ? await findJobsOfSale(redis, queue, id) : [];
  const found = locationId === undefined ? holding : await ofStore(redis, queue, holding, locationId);
  const ids = [...new Set([id, ...jobIds, ...found.slice(0, JOBS)])];
  const view = await createFleet({ redis, namespace, ownOptions }).look();
  return {
    jobs: await readQueuedJobs(redis, queue, ids),
    remembered: await readDelivered(redis, namespace, ids),
    obstacle: obstacleIn(view, await readPauser(redis, queue)),
    unwritten: await redis.xlen(eventStreamKey(namespace)),
    now: view.now,
  };
}

/** Till numbers are alike in a thousand stores. */
async function ofStore(redis: Redis, queue: Queue, ids: readonly string[], store: string): Promise<string[]> {
  const jobs = ids.length === 0 ? [] : await readQueuedJobs(redis, queue, ids);
  return jobs.filter(({ locationId }) => locationId === store).map(({ id }) => id);
}

function obstacleIn({ report, workers, now }: FleetView, pauser: string | null): string | null {
  if (report.pausedBy.length > 0) return `the queue is ${queueWords(report, report.pausedBy, pauser, now)}`;
  const isAnyAtWork = workers.some(({ benched, takesJobs }) => benched === null && takesJobs);
  return isAnyAtWork ? null : crewWords(workers);
}
