import type { Redis } from 'ioredis';
import { loadConfig, type PartConfig } from '../base/config/config.ts';
import { connectDatabase, type Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { eventStreamKey } from '../events/event.ts';
import { readFates, type Standing, standingOf } from '../events/fates.ts';
import { readSaleEvents, type SaleEvents } from '../events/sale-events.ts';
import { readSaleLines, type SaleLine } from '../outbox/sale-lines.ts';
import { readPauser } from '../sync/gate/pauser.ts';
import { readDelivered } from '../sync/producer/known-jobs.ts';
import { openQueue } from '../sync/queue.ts';
import { crewWords, queueWords } from '../sync/report/circuit-words.ts';
import { createFleet, type FleetView } from '../sync/report/fleet.ts';
import { findJobsOfSale, type QueuedJob, readQueuedJobs } from '../sync/report/jobs-of-sale.ts';
import { onlookerOptionsOf } from '../sync/settings.ts';
import { reasonOf } from './reason.ts';
import { withRedis } from './with-redis.ts';

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

type Config = PartConfig<'sales'>;

/** Sales have one job or two; one that has hundreds is somebody's test. */
const JOBS = 50;
const SYNC_KEY = /^ps-[0-9a-f]{64}$/;

/** Asks all that may know of it; what is away is told and costs the others nothing. */
export async function readTraces(wanted: WantedSale): Promise<SaleTraces> {
  const config = loadConfig('sales');
  const urls = databaseUrls();
  const [log, outbox] = await Promise.all([
    asked(urls.log, (tx) => readLog(tx, wanted)),
    asked(urls.outbox, (tx) => readSaleLines(tx, wanted)),
  ]);
  return { log, outbox, queue: await askQueue(config, wanted, 'told' in log ? jobsIn(log.told) : []) };
}

/** @throws ConfigError where one is given that is none. */
function databaseUrls() {
  const isGiven = (...names: string[]) => names.some((name) => process.env[name]?.trim());
  return {
    log: isGiven('DATABASE_URL') ? loadConfig('migrate').databaseUrl : undefined,
    outbox: isGiven('OUTBOX_DATABASE_URL', 'DATABASE_URL')
      ? loadConfig('books').outboxDatabaseUrl
      : undefined,
  };
}

async function asked<Facts>(
  url: string | undefined,
  read: (tx: Transaction) => Promise<Facts>,
): Promise<Told<Facts>> {
  if (url === undefined) return { untold: 'not asked: DATABASE_URL is not set' };
  const database = connectDatabase(url, { max: 1 });
  try {
    return { told: await database.read(read) };
  } catch (error) {
    return { untold: `Postgres could not be asked (${reasonOf(error)})` };
  } finally {
    await database.close();
  }
}

async function readLog(tx: Transaction, { id, locationId }: WantedSale): Promise<LogTraces> {
  const found = await readSaleEvents(tx, { id, locationId });
  const jobIds = jobsIn(found);
  const fates = await readFates({ read: (work) => work(tx) }, jobIds);
  const standings = new Map([...fates].map(([jobId, fate]) => [jobId, standingOf(fate)]));
  return { ...found, standings };
}

/** The newest ones. */
function jobsIn({ events }: SaleEvents): string[] {
  return [...new Set(events.map(({ jobId }) => jobId))].slice(-JOBS);
}

async function askQueue(
  config: Config,
  { id }: WantedSale,
  jobIds: readonly string[],
): Promise<Told<QueueTraces>> {
  try {
    return { told: await withRedis(config.redisUrl, (redis) => readQueue(redis, config, id, jobIds)) };
  } catch (error) {
    return { untold: error instanceof ConexxusSyncError ? error.message : reasonOf(error) };
  }
}

async function readQueue(
  redis: Redis,
  { namespace, circuit, events }: Config,
  id: string,
  jobIds: readonly string[],
): Promise<QueueTraces> {
  const queue = openQueue(redis, namespace);
  try {
    const found = SYNC_KEY.test(id) ? [] : await findJobsOfSale(redis, queue, id);
    const ids = [...new Set([id, ...jobIds, ...found.slice(0, JOBS)])];
    const fleet = createFleet({
      redis,
      namespace,
      ownOptions: onlookerOptionsOf(circuit, events.backlogMax),
    });
    const view = await fleet.look();
    return {
      jobs: await readQueuedJobs(redis, queue, ids),
      remembered: await readDelivered(redis, namespace, ids),
      obstacle: obstacleIn(view, await readPauser(redis, queue)),
      unwritten: await redis.xlen(eventStreamKey(namespace)),
      now: view.now,
    };
  } finally {
    await queue.close();
  }
}

function obstacleIn({ report, workers, now }: FleetView, pauser: string | null): string | null {
  if (report.pausedBy.length > 0) return `the queue is ${queueWords(report, report.pausedBy, pauser, now)}`;
  const isAnyAtWork = workers.some(({ benched, takesJobs }) => benched === null && takesJobs);
  return isAnyAtWork ? null : crewWords(workers);
}
