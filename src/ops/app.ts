import type { Queue } from 'bullmq';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Redis } from 'ioredis';
import type { Logger } from '../base/logger.ts';
import type { Redactor } from '../base/redaction.ts';
import type { Acting } from './acting.ts';
import { actionRoutes } from './actions/routes.ts';
import type { Runs } from './actions/runs.ts';
import { apiRoutes } from './api/routes.ts';
import { type Access, type OpsEnv, requireOperatorForWrites, requirePerson } from './auth.ts';
import { BOARD_PATH, createBoard } from './board.ts';
import { boardWrites, refuseBoardWrite } from './board-writes.ts';
import type { FleetReader } from './fleet-reader.ts';
import { securityHeaders } from './headers.ts';
import { type Health, healthRoutes } from './health.ts';
import type { Metrics } from './metrics/process-metrics.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { type AuditLog, createOperator } from './operator.ts';
import { requireKnownHost, requireSameOrigin } from './origin.ts';
import type { OpsPage } from './page/page.ts';
import { notFound, problem, problemOf } from './problem.ts';

export interface OpsDeps {
  readonly access: Access;
  readonly queue: Queue;
  /** The connection that `queue` uses. */
  readonly redis: Redis;
  readonly fleet: FleetReader;
  readonly audit: AuditLog;
  readonly acting: Acting;
  /** Closed by who made them, before the connections. */
  readonly runs: Runs;
  readonly page: Pick<OpsPage, 'routes'>;
  readonly health: Health;
  readonly metrics: Pick<Metrics, 'text'>;
  readonly redact: Redactor;
  readonly logger: Logger;
}

const BODY_MAX_BYTES = 64 * 1024;

/** The dashboard's HTTP app. Throws DashboardUnprotectedError where anybody could use it. */
export function createOpsApp(deps: OpsDeps): Hono<OpsEnv> {
  const { access, queue, redis, fleet, audit, acting, runs, page, health, metrics, redact, logger } = deps;
  const { deadLetters } = acting;
  const app = new Hono<OpsEnv>();
  app.notFound(notFound);
  app.onError((error, c) => {
    logger.error({ err: error, method: c.req.method, path: c.req.path }, 'request failed');
    return problem(problemOf(error, redis.status === 'ready'));
  });

  app.use(securityHeaders(), requireKnownHost(access.host), requireSameOrigin());
  app.route('/health', healthRoutes(health, logger));

  // Counts failed logins by itself: somebody's at the pages must not lock out the scraper behind the same proxy.
  app.use('/metrics', requirePerson(access, logger));
  app.route('/', metricsRoutes(metrics));
  app.use(
    requirePerson(access, logger),
    requireOperatorForWrites(),
    bodyLimit({ maxSize: BODY_MAX_BYTES, onError: tooLarge }),
  );
  app.route('/', page.routes);
  app.route('/api', apiRoutes({ acting, fleet, redact, logger }));
  const isRedisReady = () => redis.status === 'ready';
  app.route('/act', actionRoutes({ acting, fleet, runs, redact, logger, isRedisReady }));

  const operator = createOperator({ queue, redis, audit, deadLetters });
  app.route(`${BOARD_PATH}/api/queues`, boardWrites({ queueName: queue.name, operator, fleet, logger }));
  const board = createBoard({ queue, redis, redact, logger });
  app.get(BOARD_PATH, board);
  app.get(`${BOARD_PATH}/*`, board);
  app.all(`${BOARD_PATH}/*`, refuseBoardWrite);
  return app;
}

function tooLarge(): Response {
  return problem({
    status: 413,
    kind: 'too-large',
    title: 'Too large',
    detail: `The body is more than ${BODY_MAX_BYTES / 1024} KB: name fewer at a time, or use the command line.`,
  });
}
