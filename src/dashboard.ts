import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { createCircuit } from './circuit/circuit.ts';
import { loadConfig, type PartConfig, secretsOf } from './config.ts';
import { connectDatabase } from './database.ts';
import { eventStreamKey } from './events/event.ts';
import { createSpool } from './events/spool.ts';
import { createLifecycle, type Lifecycle, runProcess, untilSignal } from './lifecycle.ts';
import { createLogger, type Logger } from './logger.ts';
import { createOpsApp, type OpsDeps } from './ops/app.ts';
import { listen } from './ops/server.ts';
import { createRedactor } from './redaction.ts';
import { connectRedis } from './redis.ts';
import { readPause } from './sync/gate-script.ts';
import { QUEUE_NAME, queuePrefix } from './sync/queue.ts';
import { gateOptionsOf } from './sync/settings.ts';

type Config = PartConfig<'dashboard'>;

/** One for the readiness check, which must not wait behind anything. */
const DATABASE_CONNECTIONS = 1;

async function main(): Promise<void> {
  const config = loadConfig('dashboard');
  const logger = createLogger({ level: config.logLevel, redact, name: 'dashboard' });
  const lifecycle = createLifecycle(logger);
  try {
    const app = createOpsApp(acquire(config, lifecycle, logger));
    const server = await listen(app, config.dashboard);
    lifecycle.acquire('http server', () => server.close());
    const { host } = config.dashboard;
    logger.info({ host, port: server.port }, 'dashboard is up');
    logger.info({ signal: await untilSignal() }, 'shutting down');
  } finally {
    await lifecycle.close();
  }
}

function acquire(config: Config, lifecycle: Lifecycle, logger: Logger): OpsDeps {
  const { namespace } = config;
  // A page that fails within seconds beats one that waits for Redis to come back.
  const redis = connectRedis(config.redisUrl, 'fail-fast', (err) => logger.warn({ err }, 'Redis'));
  lifecycle.acquire('redis', () => redis.disconnect());
  const queue = openQueue(redis, namespace);
  lifecycle.acquire('queue', () => queue.close());
  const database = connectDatabase(config.databaseUrl, { max: DATABASE_CONNECTIONS });
  lifecycle.acquire('database', () => database.close());

  const spool = createSpool({ redis, namespace });
  const options = gateOptionsOf({
    circuit: config.circuit,
    eventBacklogMax: config.events.backlogMax,
    // This process neither calls nor sets the pace: it only reads.
    fleetConcurrency: 0,
    callTimeoutMs: 0,
  });
  const eventStream = eventStreamKey(namespace);
  return {
    access: config.dashboard,
    queue,
    redis,
    circuit: createCircuit({ redis, namespace, eventStream, options: options.circuit }),
    pause: { pausedBy: () => readPause(redis, namespace, options) },
    audit: spool,
    checks: {
      redis: async () => (await redis.ping()) === 'PONG',
      postgres: async () => (await database.sql`select 1`).length === 1,
      events: async () => (await spool.backlog()) < config.events.backlogMax,
    },
    redact,
    logger,
  };
}

/** BullMQ waits for ever for a Redis that is away, unless it is told to look at nothing beforehand. */
function openQueue(connection: Redis, namespace: string): Queue {
  const queue = new Queue(QUEUE_NAME, {
    connection,
    prefix: queuePrefix(namespace),
    skipWaitingForReady: true,
    skipVersionCheck: true,
    skipMetasUpdate: true,
  });
  // It only repeats what the connection says; without a listener it would end the process.
  queue.on('error', () => undefined);
  return queue;
}

const redact = createRedactor(secretsOf());
await runProcess(main, redact);
