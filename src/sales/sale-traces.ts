import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Transaction } from '../base/database.ts';
import { eventStreamKey } from '../events/event.ts';
import { readFates, type Standing, standingOf } from '../events/fates.ts';
import { readSaleEvents, type SaleEvents } from '../events/sale-events.ts';
import type { SaleLine } from '../outbox/sale-lines.ts';
import { readPauser } from '../sync/gate/pauser.ts';
import { readDelivered } from '../sync/producer/known-jobs.ts';
import { crewWords, queueWords } from '../sync/report/circuit-words.ts';
import type { FleetView } from '../sync/report/fleet.ts';
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
  /** False: the queue may have other jobs with this sale. */
  readonly isSearched: boolean;
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
  const jobIds = jobsIn(found);
  const fates = await readFates({ read: (work) => work(tx) }, jobIds);
  const standings = new Map([...fates].map(([jobId, fate]) => [jobId, standingOf(fate)]));
  return { ...found, standings };
}

/** The newest ones. */
export function jobsIn({ events }: SaleEvents): string[] {
  return [...new Set(events.map(({ jobId }) => jobId))].slice(-JOBS);
}

/** Whether the whole queue is looked through. */
type Search = 'always' | 'where-unknown' | 'never';

interface QueueOfSale {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly fleet: { look(): Promise<Pick<FleetView, 'report' | 'workers' | 'now'>> };
}

/**
 * `jobIds`: those that are known to be of this sale. `search`: whether the whole queue is looked through for others; what
 * knows a sale already may not know of its correction that waits.
 */
export async function readQueueTraces(
  { redis, queue, namespace, fleet }: QueueOfSale,
  { id, locationId }: WantedSale,
  jobIds: readonly string[],
  search: Search = 'always',
): Promise<QueueTraces> {
  const isKnown = async () => jobIds.length > 0 || (await redis.exists(queue.toKey(id))) === 1;
  const isWanted = search === 'always' || (search === 'where-unknown' && !(await isKnown()));
  const isSearched = !SYNC_KEY.test(id) && isWanted;
  const holding = isSearched ? await findJobsOfSale(redis, queue, id) : [];
  const found = locationId === undefined ? holding : await ofStore(redis, queue, holding, locationId);
  const ids = [...new Set([id, ...jobIds, ...found.slice(0, JOBS)])];
  const view = await fleet.look();
  return {
    jobs: await readQueuedJobs(redis, queue, ids),
    remembered: await readDelivered(redis, namespace, ids),
    obstacle: obstacleIn(view, await readPauser(redis, queue)),
    unwritten: await redis.xlen(eventStreamKey(namespace)),
    now: view.now,
    isSearched: isSearched || SYNC_KEY.test(id),
  };
}

/** Till numbers are alike in a thousand stores. */
async function ofStore(redis: Redis, queue: Queue, ids: readonly string[], store: string): Promise<string[]> {
  const jobs = ids.length === 0 ? [] : await readQueuedJobs(redis, queue, ids);
  return jobs.filter(({ locationId }) => locationId === store).map(({ id }) => id);
}

type Seen = Pick<FleetView, 'report' | 'workers' | 'now'>;

function obstacleIn({ report, workers, now }: Seen, pauser: string | null): string | null {
  if (report.pausedBy.length > 0) return `the queue is ${queueWords(report, report.pausedBy, pauser, now)}`;
  const isAnyAtWork = workers.some(({ benched, takesJobs }) => benched === null && takesJobs);
  return isAnyAtWork ? null : crewWords(workers);
}
