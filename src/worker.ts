#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { loadConfig, type PartConfig, secretsOf } from './base/config/config.ts';
import { type KeySource, startKeySource } from './base/config/key-source.ts';
import { connectDatabase, type Database } from './base/database.ts';
import { errorMessage } from './base/errors.ts';
import { tell } from './base/happenings.ts';
import { createLifecycle, type Lifecycle, runProcess, runUntilTold } from './base/lifecycle.ts';
import { logHappenings } from './base/log-lines.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { createRedactor } from './base/redaction.ts';
import { connectRedis } from './base/redis.ts';
import { requireFitRedis } from './base/redis-fitness.ts';
import { takesWrites } from './base/redis-writes.ts';
import { VERSION } from './base/version.ts';
import { type Circuit, createCircuit } from './circuit/circuit.ts';
import { type ConexxusClient, createConexxusClient } from './conexxus/client.ts';
import { eventStreamKey } from './events/event.ts';
import { createEventWriter, type EventWriter } from './events/log.ts';
import { startPruning } from './events/retention.ts';
import { createSpool, type Spool } from './events/spool.ts';
import { createCatalog } from './inventory/catalog.ts';
import { createWorkerMetrics } from './ops/metrics/worker-metrics.ts';
import { type WorkerParts, workerChecks } from './ops/worker-checks.ts';
import { serveHealth } from './ops/worker-health.ts';
import { createConsumer } from './sync/consumer.ts';
import { consumerLimitMs, watchConsumer } from './sync/consumer-watch.ts';
import { readReplays } from './sync/dead-letters/replays.ts';
import { readToBeSplit } from './sync/dead-letters/splits.ts';
import { createFetchPlaces } from './sync/fetch-places.ts';
import { createFinishedJobs } from './sync/finished-jobs.ts';
import { createGate, type Gate } from './sync/gate/gate.ts';
import type { GateOptions, Standing } from './sync/gate/gate-script.ts';
import { createHandlers } from './sync/handlers.ts';
import { createProcessor } from './sync/processor.ts';
import { createDeliveredSince } from './sync/refused.ts';
import { gateOptionsOf } from './sync/settings.ts';
import { createWorkerSelf, type WorkerSelf } from './sync/worker-self.ts';

type Config = PartConfig<'worker'>;

/** The event log writes with one; the catalog and pruning share the rest. */
const DATABASE_CONNECTIONS = 4;
/** What handing back takes, once the calls are cut off. */
const HAND_BACK_MS = 4_000;

/** Of a worker that seems ill, or has just been; otherwise it has all its slots. */
const SLOTS: Partial<Record<Standing['kind'], number>> = { benched: 0, probation: 1 };

/** What the parts of this process share. */
interface Base {
  readonly config: Config;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly redis: Redis;
  readonly database: Database;
  readonly spool: Spool;
  readonly self: WorkerSelf;
}

const redact = createRedactor(secretsOf());
await runProcess(main, redact);

async function main(): Promise<void> {
  const config = loadConfig('worker');
  const name = config.worker.name ?? `${hostname()}-${process.pid}`;
  const self = createWorkerSelf(name, VERSION, config.worker.concurrency);
  const logger = createLogger({ level: config.logLevel, redact, name: 'worker', worker: name });
  logHappenings(logger);
  const lifecycle = createLifecycle(logger);
  try {
    await runUntilTold(logger, (fail) => start(config, self, logger, lifecycle, fail));
  } finally {
    await lifecycle.close();
  }
}

async function start(
  config: Config,
  self: WorkerSelf,
  logger: Logger,
  lifecycle: Lifecycle,
  fail: (error: Error) => void,
): Promise<void> {
  const redis = connect('redis', config, lifecycle);
  const database = connectDatabase(config.databaseUrl, { max: DATABASE_CONNECTIONS });
  lifecycle.acquire('postgres', () => database.close());
  const spool = createSpool({ redis, namespace: config.namespace });
  const base: Base = { config, logger, lifecycle, redis, database, spool, self };

  const parts: WorkerParts = {};
  // First, and so ended last: a worker that waits for Redis, or drains, is alive.
  await startHealth(base, parts);
  await requireFitRedis(redis, logger);
  parts.writer = startEventLog(base, fail);
  if (config.conexxus.enabled) parts.gate = await startSync(base);
  else logger.warn('disabled by CONEXXUS_ENABLED=false: no job is taken, none is lost');
  logger.info({ namespace: config.namespace, version: VERSION }, 'worker started');
}

function connect(name: string, config: Config, lifecycle: Lifecycle): Redis {
  const redis = connectRedis(config.redisUrl, 'patient', (error) =>
    tell('redis-connection-failed', { connection: name, error: errorMessage(error) }),
  );
  lifecycle.acquire(name, () => {
    // The event log ends its own; ended once more, ioredis would keep the process for two seconds.
    if (redis.status !== 'end') redis.disconnect();
  });
  return redis;
}

function startEventLog(base: Base, fail: (error: Error) => void): EventWriter {
  const { config, lifecycle, redis, database } = base;
  const writer = createEventWriter({
    redis,
    blocking: connect('redis for events', config, lifecycle),
    namespace: config.namespace,
    database,
    consumer: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    onSchemaMismatch: fail,
  });
  writer.start();
  lifecycle.acquire('event log', () => writer.stop());
  const pruning = startPruning({ database, retentionDays: config.events.retentionDays });
  lifecycle.acquire('pruning', () => pruning.stop());
  return writer;
}

/** The way of a sale: the circuit, the gate that has the queue follow it, and the consumer at its mouth. */
async function startSync(base: Base): Promise<Gate> {
  const { config, lifecycle, redis, self } = base;
  const key = startKey(base);
  const client = createConexxusClient({
    apiKey: key,
    ca: config.access.ca,
    baseUrl: config.conexxus.apiUrl,
    timeoutMs: config.conexxus.timeoutMs,
    concurrency: config.worker.concurrency,
    userAgent: `conexxus-sync/${VERSION}`,
    redact,
  });
  lifecycle.acquire('client', () => client.close());
  const options = gateOptionsOf({
    circuit: config.circuit,
    eventBacklogMax: config.events.backlogMax,
    fleetConcurrency: config.worker.fleetConcurrency,
    callTimeoutMs: config.conexxus.timeoutMs,
  });
  const circuit = createCircuit({
    redis,
    namespace: config.namespace,
    eventStream: eventStreamKey(config.namespace),
    options: options.circuit,
    worker: self.id,
  });
  const gate = await startGate(base, { circuit, client, options });
  key.onChange(() => leaveBench(circuit, base));
  await startBounding(base);
  startConsumer(base, { circuit, client, gate });
  // In the register as one that takes jobs from its first job on, not a second later: until then the others
  // would take themselves for alone. Where Redis refuses now, the gate's next look makes it good.
  await gate.follow().catch(() => undefined);
  return gate;
}

function startKey({ config, logger, lifecycle }: Base): KeySource {
  const { apiKey, apiKeyFile } = config.access;
  const key = startKeySource({ apiKey, apiKeyFile, learn: redact.learn, logger });
  lifecycle.acquire('API key', () => key.stop());
  key.onChange(() => logger.info({ file: apiKeyFile }, 'API key changed'));
  return key;
}

/** With another key it may be well; Redis being away, its own health call will tell. */
function leaveBench(circuit: Circuit, { logger }: Base): void {
  circuit.endBench('key-changed').catch((error: unknown) => {
    logger.warn({ error: errorMessage(error) }, 'could not try again with the new key');
  });
}

async function startGate(
  { config, lifecycle, redis, self }: Base,
  { circuit, client, options }: { circuit: Circuit; client: ConexxusClient; options: GateOptions },
): Promise<Gate> {
  const { namespace } = config;
  const subscriber = connect('redis for transitions', config, lifecycle);
  const gate = createGate({ redis, subscriber, namespace, circuit, client, options, self });
  await gate.start();
  lifecycle.acquire('gate', () => gate.stop());
  return gate;
}

/** Before the first job: BullMQ would let go all that is too much at once, when it finishes. */
async function startBounding({ config, lifecycle, redis }: Base): Promise<void> {
  const { namespace, worker } = config;
  const finished = createFinishedJobs({ redis, namespace, max: worker.completedMax });
  lifecycle.acquire('finished jobs', () => finished.stop());
  await finished.start();
}

function startConsumer(
  { config, lifecycle, redis, database, spool, self }: Base,
  { circuit, client, gate }: { circuit: Circuit; client: ConexxusClient; gate: Gate },
): void {
  const { namespace } = config;
  const { completedMax, shutdownTimeoutMs } = config.worker;
  const stopping = new AbortController();
  const process = createProcessor({
    circuit,
    gate,
    handlers: createHandlers({
      client,
      catalog: createCatalog(database),
      fetchPlaces: createFetchPlaces({ redis, namespace }),
    }),
    spool,
    policy: { ...config.conexxus, maxRefusedAttempts: 2 * config.circuit.failureThreshold },
    redact,
    replaysOf: (jobId) => readReplays(redis, namespace, jobId),
    isToBeSplit: (jobId) => readToBeSplit(redis, namespace, jobId),
    self,
    deliveredSince: createDeliveredSince({ redis, namespace, circuit }),
    stopping: stopping.signal,
  });
  const consumer = createConsumer({ redis, namespace, self, completedMax, process });
  consumer.start();
  gate.onStanding(({ kind }) => consumer.allow(SLOTS[kind] ?? self.slots));
  const drain = () => {
    stopping.abort();
    return consumer.drain(shutdownTimeoutMs);
  };
  lifecycle.acquire('queue', drain, shutdownTimeoutMs + HAND_BACK_MS);
}

/** Only where a port is configured. */
async function startHealth(base: Base, parts: WorkerParts): Promise<void> {
  const { config, logger, lifecycle, redis, database, spool, self } = base;
  const { namespace, events, worker } = config;
  if (worker.healthPort === 0) return;
  const watch = watchConsumer({
    limitMs: consumerLimitMs(config.conexxus.timeoutMs),
    isAtWork: () => self.takesJobs && parts.gate?.standing().kind !== 'benched',
  });
  const { enabled } = config.conexxus;
  const eventBacklogMax = events.backlogMax;
  const checks = workerChecks({ enabled, namespace, redis, database, spool, eventBacklogMax, self, parts });
  // Before the first job, so that each is counted.
  const metrics = createWorkerMetrics({ self, dependencies: dependenciesOf(base, parts) });
  const health = { checks, stuck: () => watch.stuck() };
  const server = await serveHealth(worker.healthPort, logger, health, metrics);
  lifecycle.acquire('health', async () => {
    watch.stop();
    metrics.stop();
    await server.close();
  });
}

function dependenciesOf({ config, redis, database }: Base, parts: WorkerParts) {
  return {
    redis: () => takesWrites(redis, config.namespace),
    // The writer is made later, and may fail where Postgres as such is well.
    postgres: async () =>
      (parts.writer?.health().error ?? null) === null && (await database.write(() => Promise.resolve(true))),
  };
}
