import { loadConfig, type PartConfig } from '../base/config/config.ts';
import { connectDatabase, type Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { readSaleLines } from '../outbox/sale-lines.ts';
import {
  jobsIn,
  type QueueTraces,
  readLogTraces,
  readQueueTraces,
  type SaleTraces,
  type Told,
  type WantedSale,
} from '../sales/sale-traces.ts';
import { openQueue } from '../sync/queue.ts';
import { createFleet } from '../sync/report/fleet.ts';
import { onlookerOptionsOf } from '../sync/settings.ts';
import { reasonOf } from './reason.ts';
import { withRedis } from './with-redis.ts';

/** Asks all that may know of it; what is away is told and costs the others nothing. */
export async function readTraces(wanted: WantedSale): Promise<SaleTraces> {
  const config = loadConfig('sales');
  const urls = databaseUrls();
  const [log, outbox] = await Promise.all([
    asked(urls.log, (tx) => readLogTraces(tx, wanted)),
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

async function askQueue(
  { redisUrl, namespace, circuit, events }: PartConfig<'sales'>,
  wanted: WantedSale,
  jobIds: readonly string[],
): Promise<Told<QueueTraces>> {
  const ownOptions = onlookerOptionsOf(circuit, events.backlogMax);
  try {
    const told = await withRedis(redisUrl, async (redis) => {
      const queue = openQueue(redis, namespace);
      try {
        const fleet = createFleet({ redis, namespace, ownOptions });
        return await readQueueTraces({ redis, queue, namespace, fleet }, wanted, jobIds);
      } finally {
        await queue.close();
      }
    });
    return { told };
  } catch (error) {
    return { untold: error instanceof ConexxusSyncError ? error.message : reasonOf(error) };
  }
}
