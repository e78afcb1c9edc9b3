import { Hono } from 'hono';
import type { Logger } from '../base/logger.ts';
import type { OpsEnv } from './auth.ts';
import { healthRoutes, type ReadinessChecks } from './health.ts';
import { listen, type OpsServer } from './server.ts';

/** Probes come from other machines (an orchestrator), and what they read is no secret. */
const HOST = '0.0.0.0';

/** `/health/live` and `/health/ready` of a worker process. */
export function serveHealth(port: number, logger: Logger, checks: ReadinessChecks): Promise<OpsServer> {
  const app = new Hono<OpsEnv>();
  app.route('/health', healthRoutes(checks, logger));
  return listen(app, { host: HOST, port });
}
