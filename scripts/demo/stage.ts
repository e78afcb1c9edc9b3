import { randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Lifecycle } from '../../src/base/lifecycle.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { createSyncProducer, type SyncProducer } from '../../src/index.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { databaseOn, type OpenDatabase, openDatabase } from '../../test/support/postgres.ts';
import { type Simulator, startSimulator } from '../../test/support/simulator/simulator.ts';
import type { OnEnded, Say, Service } from '../services/service.ts';
import { startPostgres, startRedis } from '../services.ts';
import { type ProductPlan, startProduct } from './processes.ts';

/** All that takes part: the services, the other side, two workers, the dashboard, and the stores' end of it. */
export interface Stage {
  readonly namespace: string;
  readonly redis: Redis;
  readonly queue: Queue;
  readonly database: OpenDatabase;
  readonly simulator: Simulator;
  readonly producer: SyncProducer;
  readonly dashboardUrl: string;
  /** All that the product keeps there. */
  wipeRedis(): Promise<void>;
}

export interface Staging {
  readonly lifecycle: Lifecycle;
  /** Aborted when the demo is to end. */
  readonly signal: AbortSignal;
  readonly say: Say;
  readonly onEnded: OnEnded;
}

/** Of the simulated API: about what one over the internet has. */
const LATENCY = { kind: 'lognormal', median: 60, sigma: 0.3 } as const;

/** An outage of seconds in the place of one of minutes. All else is as in a real installation. */
const SHORT_TIMES = {
  CIRCUIT_OPEN: '2500',
  CONEXXUS_TIMEOUT: '10000',
  SHUTDOWN_TIMEOUT: '3000',
};

/** Where a service died, its clients are not waited for longer than this. */
export const RELEASE_MS = 3_000;

/** What was acquired is in the lifecycle, also where this rejects. */
export async function setStage(staging: Staging): Promise<Stage> {
  const { lifecycle, signal, say, onEnded } = staging;
  const namespace = `demo-${randomBytes(4).toString('hex')}`;
  const redis = await acquireRedis(staging, namespace);
  signal.throwIfAborted();
  const databaseUrl = await acquireDatabase(staging);
  signal.throwIfAborted();
  const database = await connect(lifecycle, databaseUrl);
  const simulator = await startSimulator({ latency: LATENCY });
  lifecycle.acquire('simulator', () => simulator.stop());
  say(`Conexxus, simulated, on ${simulator.url.replace('http://', '')}`);
  signal.throwIfAborted();

  const env = {
    ...SHORT_TIMES,
    CONEXXUS_API_URL: simulator.url,
    CONEXXUS_API_KEY: simulator.apiKey,
    REDIS_URL: redis.url,
    DATABASE_URL: databaseUrl,
    SYNC_NAMESPACE: namespace,
    DASHBOARD_PORT: '0',
  };
  const dashboardUrl = await startProducts(staging, { env, onEnded });
  const producer = createSyncProducer({ redisUrl: redis.url, namespace });
  lifecycle.acquire('producer', () => producer.close(), RELEASE_MS);
  const wipeRedis = () => removeKeys(redis.redis, namespace);
  return { namespace, ...redis, database, simulator, producer, dashboardUrl, wipeRedis };
}

async function acquireRedis({ lifecycle, say, onEnded }: Staging, namespace: string) {
  const service = await startRedis({ variable: 'DEMO_REDIS_URL', say, onEnded });
  acquireService(lifecycle, service, say);
  const redis = connectRedis(service.url, 'patient', () => undefined);
  lifecycle.acquire('redis', () => redis.disconnect());
  if (service.source === 'environment') {
    lifecycle.acquire('keys', () => removeKeys(redis, namespace), RELEASE_MS);
  }
  const queue = new Queue('sync', { connection: redis, prefix: `{${namespace}}` });
  queue.on('error', () => undefined);
  lifecycle.acquire('queue', () => queue.close(), RELEASE_MS);
  return { url: service.url, redis, queue };
}

async function removeKeys(redis: Redis, namespace: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
    if (Array.isArray(keys) && keys.length > 0) await redis.unlink(keys);
  }
}

/** On a server that was given, a database of our own. */
async function acquireDatabase({ lifecycle, say, onEnded }: Staging): Promise<string> {
  const service = await startPostgres({ variable: 'DEMO_DATABASE_URL', say, onEnded });
  acquireService(lifecycle, service, say);
  if (service.source !== 'environment') return service.url;
  const database = await databaseOn(service.url);
  lifecycle.acquire('database', () => database.close());
  return database.url;
}

function acquireService(lifecycle: Lifecycle, service: Service, say: Say): void {
  lifecycle.acquire(service.description, () => service.stop());
  say(service.description);
}

async function connect(lifecycle: Lifecycle, url: string): Promise<OpenDatabase> {
  // One connection: the bundled Postgres is one backend for all.
  const database = openDatabase(url, 1);
  lifecycle.acquire('postgres', () => database.close());
  await migrateDatabase(database);
  await migrateOutbox(database);
  return database;
}

async function startProducts(
  { lifecycle, say }: Staging,
  shared: Pick<ProductPlan, 'env' | 'onEnded'>,
): Promise<string> {
  const worker = { ...shared, entry: 'dist/worker.js', readyMessage: 'worker started' };
  const plans: ProductPlan[] = [
    { ...worker, name: 'worker 1' },
    { ...worker, name: 'worker 2' },
    { ...shared, name: 'relay', entry: 'dist/relay.js', readyMessage: 'relay started' },
    { ...shared, name: 'dashboard', entry: 'dist/dashboard.js', readyMessage: 'dashboard is up' },
  ];
  const starting = Promise.allSettled(plans.map(startProduct));
  lifecycle.acquire('product', async () => {
    const started = (await starting).filter((result) => result.status === 'fulfilled');
    await Promise.all(started.map(({ value }) => value.stop()));
  });
  const [one, two, , dashboard] = (await starting).map(valueOf);
  const url = `http://127.0.0.1:${String(dashboard?.ready['port'])}`;
  say(`two workers, processes ${one?.pid} and ${two?.pid}, and a relay`);
  say(`dashboard on ${url}`);
  return url;
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}
