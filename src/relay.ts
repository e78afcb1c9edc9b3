#!/usr/bin/env node
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { loadConfig, type PartConfig, secretsOf } from './base/config/config.ts';
import { connectDatabase, type Database } from './base/database.ts';
import { errorMessage } from './base/errors.ts';
import { tell } from './base/happenings.ts';
import { createLifecycle, type Lifecycle, runProcess, runUntilTold } from './base/lifecycle.ts';
import { logHappenings } from './base/log-lines.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { createRedactor } from './base/redaction.ts';
import { takesWrites } from './base/redis-writes.ts';
import { VERSION } from './base/version.ts';
import { expectEventLog } from './events/migrate.ts';
import { createSpool } from './events/spool.ts';
import { degraded, failed, OK, postgresCheck, redisCheck } from './ops/checks.ts';
import { createRelayMetrics } from './ops/metrics/relay-metrics.ts';
import type { Finding } from './ops/readiness.ts';
import { serveHealth } from './ops/worker-health.ts';
import { createLease } from './outbox/lease.ts';
import { createRelay, type Relay, type RelayStanding } from './outbox/relay.ts';
import { endOfDayWith } from './schedules/end-of-day.ts';
import { fetchingWith } from './schedules/fetching.ts';
import { logRuns } from './schedules/log-runs.ts';
import { createRunner } from './schedules/runner.ts';
import { createSplitOut } from './sync/dead-letters/split.ts';
import { entryOf } from './sync/producer/enqueuer.ts';
import { createJobAdder, type JobAdder } from './sync/producer/job-adder.ts';
import { openQueueConnection } from './sync/producer/queue-connection.ts';
import { openQueue } from './sync/queue.ts';

type Config = PartConfig<'relay'>;

const DAY_MS = 86_400_000;
/** The relay takes one step after the other; beside it health asks, and what it does not remember is counted. */
const CONNECTIONS = 3;
const ENDED = 'the relay has ended by itself';

const redact = createRedactor(secretsOf());
await runProcess(main, redact);

async function main(): Promise<void> {
  const config = loadConfig('relay');
  const logger = createLogger({ level: config.logLevel, redact, name: 'relay' });
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
  const { namespace, outbox: options, circuit } = config;
  const connection = openQueueConnection(config.redisUrl, (error) =>
    tell('redis-connection-failed', { connection: 'queue', error: errorMessage(error) }),
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
    name: `${hostname()}-${process.pid}`,
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
    onSchemaMismatch: fail,
  });
  const parts = { redis, namespace, outbox, log, relay, logger, lifecycle };
  if (options.healthPort > 0) await startHealth(options.healthPort, parts);
  relay.start();
  lifecycle.acquire('relay', () => relay.stop());
  startSchedules(parts, adder);
  logger.info({ namespace, version: VERSION }, 'relay started');
}

interface Parts {
  readonly redis: Redis;
  readonly namespace: string;
  readonly outbox: Database;
  readonly log: Database;
  readonly relay: Relay;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
}

function startSchedules(parts: Parts, adder: JobAdder): void {
  const { redis, namespace, outbox, log, logger, lifecycle } = parts;
  const work = {
    fetch_inventory: fetchingWith((job) => adder.add([entryOf(job)])),
    end_of_day: endOfDayWith({ outbox, spool: createSpool({ redis, namespace }) }),
  };
  const schedules = createRunner({ database: log, work, ...logRuns(logger) });
  schedules.start();
  lifecycle.acquire('schedules', () => schedules.stop());
}

async function startHealth(port: number, parts: Parts): Promise<void> {
  const { redis, namespace, outbox, log, relay, logger, lifecycle } = parts;
  const dependencies = {
    redis: () => takesWrites(redis, namespace),
    postgres: () => outbox.write(() => Promise.resolve(true)),
  };
  // Before the first sale, so that each is counted.
  const metrics = createRelayMetrics({ isWell: () => isWell(relay.standing()), dependencies });
  lifecycle.acquire('metrics', () => metrics.stop());
  const checks = {
    redis: redisCheck(redis, namespace),
    outbox: postgresCheck(outbox, { needed: true }),
    // Without it fates are learned later; where it is needed to begin, the relay itself is not well.
    postgres: { needed: false, look: () => expectEventLog(log).then(() => OK) },
    relay: { needed: true, look: () => Promise.resolve(findingOf(relay)) },
  };
  const health = { checks, stuck: () => stuck(relay) };
  const server = await serveHealth(port, logger, health, metrics);
  lifecycle.acquire('health', () => server.close());
}

function findingOf(relay: Relay): Finding {
  switch (relay.standing()) {
    case 'well':
      return OK;
    case 'held':
      return degraded('nothing is sent until a person releases it: outbox release --held');
    case 'waiting':
      return failed('its last step failed; its log says why');
    case 'ended':
      return failed(ENDED);
  }
}

function stuck(relay: Relay): string | null {
  return relay.standing() === 'ended' ? ENDED : null;
}

function isWell(standing: RelayStanding): boolean {
  return standing === 'well' || standing === 'held';
}
