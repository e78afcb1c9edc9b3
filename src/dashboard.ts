import { hostname } from 'node:os';
import { apiKeyFileOf, loadConfig, type PartConfig, secretsOf } from './base/config/config.ts';
import { followKeyFile } from './base/config/key-file.ts';
import { connectDatabase } from './base/database.ts';
import { createLifecycle, type Lifecycle, runProcess, untilSignal } from './base/lifecycle.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { createRedactor } from './base/redaction.ts';
import { connectRedis } from './base/redis.ts';
import { takesWrites } from './base/redis-writes.ts';
import { createSpool } from './events/spool.ts';
import { type Alerts, type AlertsDeps, startAlerts } from './ops/alerts/alerts.ts';
import { createOpsApp, type OpsDeps } from './ops/app.ts';
import { backlogCheck, postgresCheck, redisCheck } from './ops/checks.ts';
import { watchEventLoop } from './ops/event-loop.ts';
import { createFleetMetrics } from './ops/metrics/fleet-metrics.ts';
import { listen } from './ops/server.ts';
import { createDeadLetters } from './sync/dead-letters/dead-letters.ts';
import { openQueue } from './sync/queue.ts';
import { createFleet } from './sync/report/fleet.ts';
import { onlookerOptionsOf } from './sync/settings.ts';

type Config = PartConfig<'dashboard'>;

/** One for the readiness check, which must not wait behind anything. */
const DATABASE_CONNECTIONS = 1;
/** Well below the lease of who sends alerts. */
const ALERTS_SILENCE_MS = 4_000;
/** Its look may be waiting for a server that says nothing. */
const ALERTS_STOP_MS = 3_000;

async function main(): Promise<void> {
  const config = loadConfig('dashboard');
  const logger = createLogger({ level: config.logLevel, redact, name: 'dashboard' });
  const lifecycle = createLifecycle(logger);
  try {
    learnKeys(lifecycle);
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

/** Pages must not show the workers' key, nor one that replaces it; what is wrong with its file is theirs to say. */
function learnKeys(lifecycle: Lifecycle): void {
  const path = apiKeyFileOf();
  if (path === undefined) return;
  const file = followKeyFile(path, { onKey: redact.learn, onProblem: () => undefined });
  lifecycle.acquire('API key file', () => file.stop());
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

  const loop = watchEventLoop();
  lifecycle.acquire('event loop watch', () => loop.stop());

  const spool = createSpool({ redis, namespace });
  const ownOptions = onlookerOptionsOf(config.circuit, config.events.backlogMax);
  const fleet = createFleet({ redis, namespace, ownOptions });
  const dependencies = {
    redis: () => takesWrites(redis, namespace),
    // Where it takes no writes, the event log has stopped.
    postgres: () => database.write(() => Promise.resolve(true)),
  };
  const metrics = createFleetMetrics({ redis, namespace, fleet, dependencies, logger });
  lifecycle.acquire('metrics', () => metrics.stop());
  const alerts = watchAndTell(config, lifecycle, { redis, queue, namespace, fleet, redact, logger });
  return {
    access: config.dashboard,
    queue,
    redis,
    fleet,
    alerts,
    audit: spool,
    deadLetters: createDeadLetters({ redis, queue, namespace, redact }),
    health: {
      checks: {
        redis: redisCheck(redis, namespace),
        // The pages show an outage of the event log best where they can be reached.
        postgres: postgresCheck(database, { needed: false }),
        events: backlogCheck(redis, spool, { max: config.events.backlogMax, needed: false }),
      },
      stuck: loop.stuck,
    },
    metrics,
    redact,
    logger,
  };
}

type Shared = Pick<AlertsDeps, 'redis' | 'queue' | 'namespace' | 'fleet' | 'redact' | 'logger'>;

function watchAndTell({ databaseUrl, alerts, events }: Config, lifecycle: Lifecycle, shared: Shared): Alerts {
  // Of its own: the readiness check must not wait behind it, nor it behind a Postgres that says nothing.
  const database = connectDatabase(databaseUrl, { max: 1, silenceMaxMs: ALERTS_SILENCE_MS });
  lifecycle.acquire('database of alerts', () => database.close());
  const watching = startAlerts({
    ...shared,
    database,
    name: `${hostname()}-${process.pid}`,
    settings: alerts,
    eventBacklogMax: events.backlogMax,
    eventRetentionDays: events.retentionDays,
  });
  lifecycle.acquire('alerts', () => watching.stop(), ALERTS_STOP_MS);
  return watching;
}

const redact = createRedactor(secretsOf());
await runProcess(main, redact);
