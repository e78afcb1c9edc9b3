import { Hono } from 'hono';
import type { Logger } from '../base/logger.ts';
import type { OpsEnv } from './auth.ts';
import { healthRoutes, type ReadinessChecks } from './health.ts';
import type { Metrics } from './metrics/process-metrics.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { listen, type OpsServer } from './server.ts';

/** Probes come from other machines (an orchestrator, Prometheus), and what they read is no secret. */
const HOST = '0.0.0.0';

/** `/health/live`, `/health/ready` and `/metrics` of a worker or a relay, without a login. */
export function serveHealth(
  port: number,
  logger: Logger,
  checks: ReadinessChecks,
  metrics: Metrics,
): Promise<OpsServer> {
  const app = new Hono<OpsEnv>();
  app.route('/health', healthRoutes(checks, logger));
  app.route('/', metricsRoutes(metrics));
  return listen(app, { host: HOST, port });
}
