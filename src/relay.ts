#!/usr/bin/env node
import { loadConfig, type PartConfig, secretsOf } from './base/config/config.ts';
import { connectDatabase } from './base/database.ts';
import { errorMessage } from './base/errors.ts';
import { createLifecycle, type Lifecycle, runProcess, runUntilTold } from './base/lifecycle.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { createRedactor } from './base/redaction.ts';
import { takesWrites } from './base/redis-writes.ts';
import { VERSION } from './base/version.ts';
import { expectEventLog } from './events/migrate.ts';
import { serveHealth } from './ops/worker-health.ts';
import { createLease } from './outbox/lease.ts';
import { createRelay } from './outbox/relay.ts';
import { createSplitOut } from './sync/dead-letters/split.ts';
import { createJobAdder } from './sync/producer/job-adder.ts';
import { openQueueConnection } from './sync/producer/queue-connection.ts';
import { openQueue } from './sync/queue.ts';

type Config = PartConfig<'relay'>;

const DAY_MS = 86_400_000;
/** The relay takes one step after the other; health asks beside it. */
const CONNECTIONS = 2;

const redact = createRedactor(secretsOf());
await runProcess(main, redact);

async function main(): Promise<void> {
  const config = loadConfig('relay');
  const logger = createLogger({ level: config.logLevel, redact, name: 'relay' });
  const lifecycle = createLifecycle(logger);
  try {
    await runUntilTold(logger, (fail) => start(config, logger, lifecycle, fail));
  } finally {
    await lifecycle.close();
  }
}

async function start(
  config: Config,
  logger: Logger,
  lifecycle: Lifecycle,
  fail: (error: Error) => void,
): Promise<void> {
  const { namespace, outbox: options, circuit } = config;
  const connection = openQueueConnection(config.redisUrl, (error) =>
    logger.warn({ error: errorMessage(error) }, 'Redis connection'),
  );
  const adder = createJobAdder(connection, namespace);
  lifecycle.acquire('redis', () => adder.close());
  const { redis } = connection;
  const queue = openQueue(redis, namespace);
  lifecycle.acquire('queue', () => queue.close());
  const outbox = connectDatabase(config.outboxDatabaseUrl, { max: CONNECTIONS });
  lifecycle.acquire('outbox', () => outbox.close());
  const log = connectDatabase(config.databaseUrl, { max: CONNECTIONS });
  lifecycle.acquire('event log', () => log.close());

  const relay = createRelay({
    redis,
    queue,
    namespace,
    adder,
    outbox,
    log,
    lease: createLease(redis, namespace),
    splitOut: createSplitOut({ redis, queue, namespace }),
    deliveredRetentionMs: circuit.deliveredRetentionDays * DAY_MS,
    options: { ...options, retentionMs: options.retentionDays * DAY_MS },
    redact,
    logger,
    onSchemaMismatch: fail,
  });
  relay.start();
  lifecycle.acquire('relay', () => relay.stop());
  if (options.healthPort > 0) {
    const server = await serveHealth(options.healthPort, logger, {
      redis: () => takesWrites(redis, namespace),
      log: () => expectEventLog(log).then(() => true),
      relay: () => Promise.resolve(relay.isWell()),
    });
    lifecycle.acquire('health', () => server.close());
  }
  logger.info({ namespace, version: VERSION }, 'relay started');
}
