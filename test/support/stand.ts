import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { createSyncProducer, type PushSales, type SyncProducer } from '../../src/index.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from './postgres.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { type ReconcileOptions, type Reconciliation, reconcile } from './reconcile.ts';
import { testRedisUrl, uniqueNamespace } from './redis.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from './simulator/simulator.ts';

/** A whole installation for one test: Redis, Postgres, the simulator, and worker processes as wanted. */
export interface Stand {
  readonly namespace: string;
  readonly env: Readonly<Record<string, string>>;
  readonly redis: Redis;
  readonly queue: Queue;
  readonly database: OpenDatabase;
  readonly databaseUrl: string;
  readonly embeddedPostgres: boolean;
  readonly simulator: Simulator;
  readonly producer: SyncProducer;
  /** All that were ever started, the ended ones too. */
  readonly workers: readonly RunningProcess[];
  /** Resolves once it takes jobs. */
  startWorker(env?: Readonly<Record<string, string>>, entry?: string): Promise<RunningProcess>;
  startWorkers(count: number, env?: Readonly<Record<string, string>>): Promise<RunningProcess[]>;
  /** Through the producer; the accepted job ids count in `reconcile`. */
  enqueue(sales: readonly PushSales[]): Promise<string[]>;
  /** A job that came another way. */
  accept(jobId: string): void;
  reconcile(options?: ReconcileOptions): Promise<Reconciliation>;
  close(): Promise<void>;
}

export interface StandOptions {
  /** Default: the Redis that all test files share. */
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
  readonly simulator?: SimulatorOptions;
  readonly env?: Readonly<Record<string, string>>;
}

/** Eight processes may start at once, on a machine that has other things to do. */
const START_TIMEOUT_MS = 60_000;

/** The producer gives up on a command that is not answered within a second and a half. */
const ENQUEUED_AT_ONCE = 500;

/** Short times, so that an outage and its end fit into a test. */
const FAST_ENV = {
  CONEXXUS_TIMEOUT: '2000',
  CONEXXUS_RETRY_DELAY: '100',
  CIRCUIT_OPEN: '500',
  CIRCUIT_OPEN_MAX: '2000',
  RAMP_STEP: '100',
  SHUTDOWN_TIMEOUT: '5000',
  LOG_LEVEL: 'info',
};

export async function startStand(options: StandOptions = {}): Promise<Stand> {
  const namespace = uniqueNamespace();
  const redisUrl = options.redisUrl ?? testRedisUrl();
  const fresh = options.databaseUrl === undefined ? await freshDatabase() : undefined;
  const databaseUrl = options.databaseUrl ?? fresh?.url ?? '';
  const database = openDatabase(databaseUrl, fresh?.embedded === true ? 1 : 4);
  await migrateDatabase(database);
  const simulator = await startSimulator(options.simulator);
  const redis = connectRedis(redisUrl, 'patient', () => undefined);
  const queue = new Queue('sync', { connection: redis, prefix: `{${namespace}}` });
  // Without a listener BullMQ prints what a test's own fault does to this connection.
  queue.on('error', () => undefined);
  const producer = createSyncProducer({ redisUrl, namespace });
  const accepted = new Set<string>();
  const workers: RunningProcess[] = [];
  const env = {
    ...FAST_ENV,
    CONEXXUS_API_URL: simulator.url,
    CONEXXUS_API_KEY: simulator.apiKey,
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    SYNC_NAMESPACE: namespace,
    ...options.env,
  };

  async function startWorker(more: Readonly<Record<string, string>> = {}, entry = 'dist/worker.js') {
    const worker = startProcess(entry, { ...env, ...more });
    workers.push(worker);
    await worker.waitForLog('worker started', START_TIMEOUT_MS);
    return worker;
  }

  return {
    namespace,
    env,
    redis,
    queue,
    database,
    databaseUrl,
    embeddedPostgres: fresh?.embedded ?? false,
    simulator,
    producer,
    workers,
    startWorker,
    startWorkers: (count, more) => Promise.all(Array.from({ length: count }, () => startWorker(more))),
    async enqueue(sales) {
      const jobIds: string[] = [];
      for (let from = 0; from < sales.length; from += ENQUEUED_AT_ONCE) {
        const results = await producer.pushSalesMany(sales.slice(from, from + ENQUEUED_AT_ONCE));
        for (const { jobId } of results) {
          accepted.add(jobId);
          jobIds.push(jobId);
        }
      }
      return jobIds;
    },
    accept: (jobId) => void accepted.add(jobId),
    reconcile: (how) =>
      reconcile({ redis, namespace, queue, database, simulator, accepted: [...accepted] }, how),
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await producer.close();
      await queue.close();
      await removeKeys(redis, namespace);
      redis.disconnect();
      await database.close();
      await closeDatabase(fresh);
      await simulator.stop();
    },
  };
}

async function closeDatabase(fresh: FreshDatabase | undefined): Promise<void> {
  await fresh?.close();
}

async function removeKeys(redis: Redis, namespace: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
    if (Array.isArray(keys) && keys.length > 0) await redis.unlink(keys);
  }
}
