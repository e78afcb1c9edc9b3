import { Hono } from 'hono';
import type { Logger } from '../base/logger.ts';
import type { OpsEnv } from './auth.ts';
import { watchEventLoop } from './event-loop.ts';
import { type Health, healthRoutes } from './health.ts';
import { listen, type OpsServer } from './server.ts';

/** Probes come from other machines (an orchestrator), and what they read is no secret. */
const HOST = '0.0.0.0';

/**
 * `/health/live` and `/health/ready` of a process that has no other pages. A loop that stands still is stuck
 * whatever `stuck` says.
 */
export async function serveHealth(port: number, logger: Logger, health: Health): Promise<OpsServer> {
  const loop = watchEventLoop();
  const app = new Hono<OpsEnv>();
  app.route('/health', healthRoutes({ ...health, stuck: () => loop.stuck() ?? health.stuck() }, logger));
  const server = await listen(app, { host: HOST, port });
  return {
    port: server.port,
    close() {
      loop.stop();
      return server.close();
    },
  };
}
