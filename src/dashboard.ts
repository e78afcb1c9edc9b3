import { hostname } from 'node:os';
import { apiKeyFileOf, loadConfig, type PartConfig, secretsOf } from './base/config/config.ts';
import { followKeyFile } from './base/config/key-file.ts';
import { connectDatabase } from './base/database.ts';
import { errorMessage } from './base/errors.ts';
import { createLifecycle, type Lifecycle, runProcess, untilSignal } from './base/lifecycle.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { createRedactor } from './base/redaction.ts';
import { connectRedis } from './base/redis.ts';
import { takesWrites } from './base/redis-writes.ts';
import { createSpool } from './events/spool.ts';
import { createActing } from './ops/acting.ts';
import { ACT_LINKS } from './ops/actions/links.ts';
import { createRuns } from './ops/actions/runs.ts';
import { type Alerts, type AlertsDeps, startAlerts } from './ops/alerts/alerts.ts';
import { createOpsApp, type OpsDeps } from './ops/app.ts';
import { backlogCheck, postgresCheck, redisCheck } from './ops/checks.ts';
import { watchEventLoop } from './ops/event-loop.ts';
import { createFleetMetrics } from './ops/metrics/fleet-metrics.ts';
import { createOpsPage, type OpsPage, type OpsPageDeps } from './ops/page/page.ts';
import { listen } from './ops/server.ts';
import { fetchingWith } from './schedules/fetching.ts';
import { logRuns } from './schedules/log-runs.ts';
import { createRunner } from './schedules/runner.ts';
import { readPauser } from './sync/gate/pauser.ts';
import type { SyncJob } from './sync/jobs/jobs.ts';
import { createEnqueuer } from './sync/producer/enqueuer.ts';
import { openQueue } from './sync/queue.ts';
import { createFleet } from './sync/report/fleet.ts';
import { onlookerOptionsOf } from './sync/settings.ts';

type Config = PartConfig<'dashboard'>;

/** One for the readiness check, which must not wait behind anything; and one for the schedules. */
const DATABASE_CONNECTIONS = 1;
/** For those who look at the event log, and for those who look at the outbox or act on it; made when they first do. */
const READING_CONNECTIONS = 2;
const OUTBOX_CONNECTIONS = 1;
/** For pages: what is looked at every second, and what somebody searches for. */
const PAGE_CONNECTIONS = 2;
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
    startSchedules(config, lifecycle, logger);
    const parts = acquire(config, lifecycle, logger);
    const server = await listen(createOpsApp(parts), config.dashboard);
    lifecycle.acquire('http server', () => server.close());
    // The server waits for what is under way, and a stream is that for ever.
    lifecycle.acquire('streams of the page', () => parts.page.close());
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

/** For stores without a relay. Beside one it finds little to do: who is first has the run. */
function startSchedules(config: Config, lifecycle: Lifecycle, logger: Logger): void {
  const { redisUrl, namespace } = config;
  const onError = (error: Error) => logger.warn({ error: errorMessage(error) }, 'Redis connection');
  const database = connectDatabase(config.databaseUrl, { max: DATABASE_CONNECTIONS });
  lifecycle.acquire('database for schedules', () => database.close());
  const enqueue = async (job: SyncJob) => {
    // Not kept open for something that is done once an hour.
    const enqueuer = createEnqueuer({ redisUrl, namespace, onError });
    try {
      await enqueuer.enqueue([job]);
    } finally {
      await enqueuer.close();
    }
  };
  const work = { fetch_inventory: fetchingWith(enqueue) };
  const schedules = createRunner({ database, work, ...logRuns(logger) });
  schedules.start();
  lifecycle.acquire('schedules', () => schedules.stop());
}

function acquire(config: Config, lifecycle: Lifecycle, logger: Logger): OpsDeps & { page: OpsPage } {
  const { namespace } = config;
  // A page that fails within seconds beats one that waits for Redis to come back.
  const redis = connectRedis(config.redisUrl, 'fail-fast', (err) => logger.warn({ err }, 'Redis'));
  lifecycle.acquire('redis', () => redis.disconnect());
  const queue = openQueue(redis, namespace);
  lifecycle.acquire('queue', () => queue.close());
  const database = connectDatabase(config.databaseUrl, { max: DATABASE_CONNECTIONS });
  lifecycle.acquire('database', () => database.close());
  const reading = connectDatabase(config.databaseUrl, { max: READING_CONNECTIONS });
  lifecycle.acquire('reading database', () => reading.close());
  const outboxDatabase = connectDatabase(config.outboxDatabaseUrl, { max: OUTBOX_CONNECTIONS });
  lifecycle.acquire('outbox database', () => outboxDatabase.close());

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
  const acting = createActing({ redis, queue, namespace, redact, fleet, database: reading, outboxDatabase });
  const runs = createRuns({ deadLetters: acting.deadLetters, audit: spool, logger });
  lifecycle.acquire('runs', () => runs.close());
  const shared = { redis, queue, namespace, fleet, redact, logger };
  const alerts = watchAndTell(config, lifecycle, shared);
  const page = openPage(config, lifecycle, { ...shared, alerts, outboxDatabase });
  return {
    ...shared,
    access: config.dashboard,
    audit: spool,
    acting,
    runs,
    page,
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

type ForPages = Omit<OpsPageDeps, 'pauser' | 'database' | 'acts'>;

function openPage({ databaseUrl }: Config, lifecycle: Lifecycle, shared: ForPages): OpsPage {
  const { redis, queue } = shared;
  const database = connectDatabase(databaseUrl, { max: PAGE_CONNECTIONS });
  lifecycle.acquire('database of the pages', () => database.close());
  return createOpsPage({ ...shared, pauser: () => readPauser(redis, queue), database, acts: ACT_LINKS });
}

const redact = createRedactor(secretsOf());
await runProcess(main, redact);
