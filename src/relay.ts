#!/usr/bin/env node
import { loadConfig, type PartConfig, secretsOf } from './base/config/config.ts';
import { connectDatabase } from './base/database.ts';
import { errorMessage } from './base/errors.ts';
import { createLifecycle, type Lifecycle, runProcess, runUntilTold } from './base/lifecycle.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { createRedactor } from './base/redaction.ts';
import { VERSION } from './base/version.ts';
import { degraded, failed, OK, postgresCheck, redisCheck } from './ops/checks.ts';
import type { Finding } from './ops/readiness.ts';
import { serveHealth } from './ops/worker-health.ts';
import { createLease } from './outbox/lease.ts';
import { createRelay, type Relay } from './outbox/relay.ts';
import { createSplitOut } from './sync/dead-letters/split.ts';
import { createJobAdder } from './sync/producer/job-adder.ts';
import { openQueueConnection } from './sync/producer/queue-connection.ts';
import { openQueue } from './sync/queue.ts';

type Config = PartConfig<'relay'>;

const DAY_MS = 86_400_000;
/** The relay takes one step after the other; health asks beside it. */
const CONNECTIONS = 2;
const ENDED = 'the relay has ended by itself';

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
    const checks = {
      redis: redisCheck(redis, namespace),
      outbox: postgresCheck(outbox, { needed: true }),
      // Without it fates are learned later; where it is needed to begin, the relay itself is not well.
      postgres: { needed: false, look: () => log.read(() => Promise.resolve(OK)) },
      relay: { needed: true, look: () => Promise.resolve(findingOf(relay)) },
    };
    const server = await serveHealth(options.healthPort, logger, { checks, stuck: () => stuck(relay) });
    lifecycle.acquire('health', () => server.close());
  }
  logger.info({ namespace, version: VERSION }, 'relay started');
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
