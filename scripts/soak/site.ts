import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { loadConfig } from '../../src/base/config/config.ts';
import type { Lifecycle } from '../../src/base/lifecycle.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { type Circuit, createCircuit } from '../../src/circuit/circuit.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { createSyncProducer, type SyncProducer } from '../../src/index.ts';
import { QUEUE_NAME, queuePrefix } from '../../src/sync/queue.ts';
import { gateOptionsOf } from '../../src/sync/settings.ts';
import { type OpenDatabase, openDatabase } from '../../test/support/postgres.ts';
import { type Simulator, startSimulator } from '../../test/support/simulator/simulator.ts';
import { startEmbeddedPostgres } from '../services/pglite.ts';
import { type PrivateServer, type Say, type Service, ServiceNotFoundError } from '../services/service.ts';
import { startPrivatePostgres, startPrivateRedis } from '../services.ts';

/** A whole installation that belongs to the soak, but for its workers. */
export interface Site {
  readonly namespace: string;
  readonly redisServer: PrivateServer;
  /** Undefined where only the bundled Postgres is to be had: it can't be taken down. */
  readonly postgresServer: PrivateServer | undefined;
  readonly simulator: Simulator;
  readonly redis: Redis;
  readonly queue: Queue;
  readonly database: OpenDatabase;
  readonly circuit: Circuit;
  readonly producer: SyncProducer;
  readonly workerEnv: Readonly<Record<string, string>>;
}

const NAMESPACE = 'soak';
export const CALL_TIMEOUT_MS = 3_000;

/** Short times, so that many outages and their ends fit into a minute. */
const WORKER_ENV = {
  SYNC_NAMESPACE: NAMESPACE,
  CONEXXUS_TIMEOUT: String(CALL_TIMEOUT_MS),
  CONEXXUS_RETRY_DELAY: '50',
  CIRCUIT_OPEN: '500',
  CIRCUIT_OPEN_MAX: '2000',
  CIRCUIT_WINDOW: '10000',
  RAMP_STEP: '100',
  SHUTDOWN_TIMEOUT: '3000',
  // The check clears them itself, once it has read them all.
  COMPLETED_MAX: '1000000',
};

export async function openSite(lifecycle: Lifecycle, say: Say): Promise<Site> {
  // Durable to the last write, so that it may also be killed: the promise of AOF with its default is a second less.
  const redisServer = await startPrivateRedis({ say, args: ['--appendfsync', 'always'] });
  lifecycle.acquire('Redis', () => redisServer.stop());
  const { postgres, postgresServer } = await startPostgres(say);
  lifecycle.acquire('Postgres', () => postgres.stop());
  say(`${redisServer.description}; ${postgres.description}`);
  const simulator = await startSimulator({ latency: { kind: 'lognormal', median: 20, sigma: 0.6 } });
  lifecycle.acquire('simulator', () => simulator.stop());

  const database = openDatabase(postgres.url, 1);
  lifecycle.acquire('database', () => database.close());
  await migrateDatabase(database);
  const redis = connectRedis(redisServer.url, 'patient', () => undefined);
  lifecycle.acquire('redis', () => redis.disconnect());
  const queue = new Queue(QUEUE_NAME, { connection: redis, prefix: queuePrefix(NAMESPACE) });
  queue.on('error', () => undefined);
  lifecycle.acquire('queue', () => queue.close());
  const producer = createSyncProducer({ redisUrl: redisServer.url, namespace: NAMESPACE });
  lifecycle.acquire('producer', () => producer.close());

  const workerEnv = {
    ...WORKER_ENV,
    CONEXXUS_API_URL: simulator.url,
    CONEXXUS_API_KEY: simulator.apiKey,
    REDIS_URL: redisServer.url,
    DATABASE_URL: postgres.url,
  };
  const circuit = circuitOf(redis, workerEnv);
  return {
    namespace: NAMESPACE,
    redisServer,
    postgresServer,
    simulator,
    redis,
    queue,
    database,
    circuit,
    producer,
    workerEnv,
  };
}

async function startPostgres(
  say: Say,
): Promise<{ postgres: Service; postgresServer: PrivateServer | undefined }> {
  try {
    const postgresServer = await startPrivatePostgres();
    return { postgres: postgresServer, postgresServer };
  } catch (error) {
    if (!(error instanceof ServiceNotFoundError)) throw error;
    say('No Postgres on this machine: the bundled one takes its place, and its faults are left out.');
    return { postgres: await startEmbeddedPostgres(), postgresServer: undefined };
  }
}

function circuitOf(redis: Redis, env: Readonly<Record<string, string>>): Circuit {
  const { circuit } = loadConfig('circuit', env);
  const settings = { circuit, eventBacklogMax: 1, fleetConcurrency: 0, callTimeoutMs: CALL_TIMEOUT_MS };
  const { circuit: options } = gateOptionsOf(settings);
  return createCircuit({ redis, namespace: NAMESPACE, eventStream: eventStreamKey(NAMESPACE), options });
}
