import { Hono } from 'hono';
import type { Logger } from '../base/logger.ts';
import type { OpsEnv } from './auth.ts';
import { watchEventLoop } from './event-loop.ts';
import { type Health, healthRoutes } from './health.ts';
import type { Metrics } from './metrics/process-metrics.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { type HttpServer, listen } from './server.ts';

/** Probes come from other machines (an orchestrator, Prometheus), and what they read is no secret. */
const HOST = '0.0.0.0';

/**
 * `/health/live`, `/health/ready` and `/metrics` of a process that has no other pages, without a login. A loop that
 * stands still is stuck whatever `stuck` says.
 */
export async function serveHealth(
  port: number,
  logger: Logger,
  health: Health,
  metrics: Metrics,
): Promise<HttpServer> {
  const loop = watchEventLoop();
  const app = new Hono<OpsEnv>();
  app.route('/health', healthRoutes({ ...health, stuck: () => loop.stuck() ?? health.stuck() }, logger));
  app.route('/', metricsRoutes(metrics));
  const server = await listen(app, { host: HOST, port });
  return {
    port: server.port,
    close() {
      loop.stop();
      return server.close();
    },
  };
}
