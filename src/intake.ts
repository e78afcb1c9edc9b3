#!/usr/bin/env node
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { loadConfig, type PartConfig, secretsOf } from './base/config/config.ts';
import { connectDatabase, type Database } from './base/database.ts';
import { errorMessage } from './base/errors.ts';
import { createLifecycle, type Lifecycle, runProcess, runUntilTold } from './base/lifecycle.ts';
import { logHappenings } from './base/log-lines.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { createRedactor } from './base/redaction.ts';
import { connectRedis } from './base/redis.ts';
import { takesWrites } from './base/redis-writes.ts';
import { VERSION } from './base/version.ts';
import { type Begun, createIntakeApp } from './intake/app.ts';
import { findWay } from './intake/find-way.ts';
import { startForgetting } from './intake/forgetting.ts';
import { createOutboxWay } from './intake/outbox-way.ts';
import { createQueueWay } from './intake/queue-way.ts';
import { createRate } from './intake/rate.ts';
import { openTokenBook, type TokenBook } from './intake/token-book.ts';
import { createTrail, type Trail } from './intake/trail.ts';
import type { Way } from './intake/way.ts';
import { failed, OK, postgresCheck, redisCheck } from './ops/checks.ts';
import { createIntakeMetrics } from './ops/metrics/intake-metrics.ts';
import type { Checks, Finding } from './ops/readiness.ts';
import { type HttpServer, listen } from './ops/server.ts';
import { serveHealth } from './ops/worker-health.ts';
import { createJobAdder } from './sync/producer/job-adder.ts';
import { openQueueConnection } from './sync/producer/queue-connection.ts';
import { openQueue } from './sync/queue.ts';
import { onlookerOptionsOf } from './sync/settings.ts';

type Config = PartConfig<'intake'>;

const DAY_MS = 86_400_000;
/** Two write, the others answer questions. */
const OUTBOX_CONNECTIONS = 4;
/** The tokens, and questions to the event log. */
const LOG_CONNECTIONS = 3;

/** What the parts of this process share. */
interface Base {
  readonly config: Config;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  /** For questions, failing fast. */
  readonly redis: Redis;
  /** Over that connection. */
  readonly queue: Queue;
  /** Of the event log and the tokens. */
  readonly log: Database;
  readonly outbox: Database;
  readonly tokens: TokenBook;
  /** Once Postgres told where sales go. */
  begun: Begun | undefined;
}

const redact = createRedactor(secretsOf());
await runProcess(main, redact);

async function main(): Promise<void> {
  const config = loadConfig('intake');
  const logger = createLogger({ level: config.logLevel, redact, name: 'intake' });
  logHappenings(logger);
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
  const base = acquire(config, logger, lifecycle, fail);
  // First, and so ended last.
  if (config.intake.healthPort > 0) await startHealth(config.intake.healthPort, base);
  const way = findWay(base.outbox);
  lifecycle.acquire('way', () => way.stop());
  const server = await listenTo(base);
  logger.info({ host: config.intake.host, port: server.port, version: VERSION }, 'intake listens');
  const found = await way.found;
  if (found === undefined) return;
  await base.tokens.opened;
  begin(base, found);
  // Once more, and so ended before what it writes to.
  lifecycle.acquire('http server', () => server.close());
}

function acquire(config: Config, logger: Logger, lifecycle: Lifecycle, fail: (error: Error) => void): Base {
  const redis = connectRedis(config.redisUrl, 'fail-fast', (error) =>
    logger.warn({ error: errorMessage(error) }, 'Redis connection'),
  );
  lifecycle.acquire('redis', () => redis.disconnect());
  const queue = openQueue(redis, config.namespace);
  lifecycle.acquire('queue', () => queue.close());
  const log = connectDatabase(config.databaseUrl, { max: LOG_CONNECTIONS });
  lifecycle.acquire('event log', () => log.close());
  const outbox = connectDatabase(config.outboxDatabaseUrl, { max: OUTBOX_CONNECTIONS });
  lifecycle.acquire('outbox', () => outbox.close());
  const tokens = openTokenBook({ database: log, onMissing: fail });
  lifecycle.acquire('tokens', () => tokens.stop());
  return { config, logger, lifecycle, redis, queue, log, outbox, tokens, begun: undefined };
}

/** From the first second on: whoever comes too early is told to come again. */
async function listenTo(base: Base): Promise<HttpServer> {
  const { config, lifecycle, tokens } = base;
  const { host, port, rate } = config.intake;
  const app = createIntakeApp({
    tokens,
    rate: createRate({ perSecond: rate, now: () => performance.now() }),
    begun: () => base.begun,
    redact,
  });
  const server = await listen(app, { host, port });
  lifecycle.acquire('http server', () => server.close());
  return server;
}

function begin(base: Base, writesTo: Way['kind']): void {
  const { config, logger, redis, queue, log, outbox } = base;
  const { namespace, circuit, events } = config;
  const ownOptions = onlookerOptionsOf(circuit, events.backlogMax);
  const trail = createTrail({
    redis,
    queue,
    namespace,
    ownOptions,
    log,
    outbox: writesTo === 'outbox' ? outbox : undefined,
  });
  const way = writesTo === 'outbox' ? openOutbox(base) : openTheQueue(base, trail);
  base.begun = { way, trail };
  logger.info({ namespace, writesTo }, 'intake started');
}

function openOutbox({ config, lifecycle, outbox }: Base): Way {
  const forgetting = startForgetting(outbox, config.outbox.retentionDays * DAY_MS);
  lifecycle.acquire('forgetting', () => forgetting.stop());
  return createOutboxWay({ database: outbox });
}

function openTheQueue({ config, lifecycle, redis, queue }: Base, trail: Trail): Way {
  // What it says of its errors the other connection says, too.
  const connection = openQueueConnection(config.redisUrl, () => undefined);
  const adder = createJobAdder(connection, config.namespace);
  lifecycle.acquire('redis for sales', () => adder.close());
  return createQueueWay({ adder, redis, queue, trail });
}

async function startHealth(port: number, base: Base): Promise<void> {
  const { config, logger, lifecycle, redis, log } = base;
  const dependencies = {
    redis: () => takesWrites(redis, config.namespace),
    postgres: () => log.read(() => Promise.resolve(true)),
  };
  // Before the first request, so that each is counted.
  const metrics = createIntakeMetrics({ dependencies });
  lifecycle.acquire('metrics', () => metrics.stop());
  const server = await serveHealth(port, logger, { checks: checksOf(base), stuck: () => null }, metrics);
  lifecycle.acquire('health', () => server.close());
}

function checksOf(base: Base): Checks {
  const { config, redis, log, outbox, tokens } = base;
  const toQueue = redisCheck(redis, config.namespace);
  const toOutbox = postgresCheck(outbox, { needed: true });
  return {
    way: {
      needed: true,
      look: async () => {
        if (base.begun === undefined) return failed('it is not known yet whether there is an outbox');
        return base.begun.way.kind === 'outbox' ? toOutbox.look() : toQueue.look();
      },
    },
    tokens: { needed: true, look: () => Promise.resolve(findingOf(tokens)) },
    // Without them what was posted is not told, and which tokens are new or revoked.
    redis: { ...toQueue, needed: false },
    postgres: { needed: false, look: () => log.read(() => Promise.resolve(OK)) },
  };
}

function findingOf(tokens: TokenBook): Finding {
  return tokens.isOpen() ? OK : failed('the tokens are not known yet');
}
