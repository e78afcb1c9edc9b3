import { Hono } from 'hono';
import type { Logger } from '../base/logger.ts';
import { type Checks, createReadiness } from './readiness.ts';

/** What a process says of its health. */
export interface Health {
  readonly checks: Checks;
  /**
   * Why only a new start would help, for anybody to read; null: no reason. It asks nothing outside of the process:
   * whatever is away, a process that waits for it is not stuck.
   */
  readonly stuck: () => string | null;
}

/**
 * `GET /live`: 200 `{live: true}`, or 503 `{live: false, reason}` where the process is stuck.
 * `GET /ready`: `{ready, status: 'ok' | 'degraded' | 'down', checks}`, 503 where it is down; `checks` has by name
 * `{status: 'ok' | 'degraded' | 'failed' | 'timeout', latencyMs, reason?}`.
 */
export function healthRoutes({ checks, stuck }: Health, logger: Logger): Hono {
  const read = createReadiness(checks, logger);
  const routes = new Hono();
  routes.get('/live', (c) => {
    const reason = stuck();
    return reason === null ? c.json({ live: true }) : c.json({ live: false, reason }, 503);
  });
  routes.get('/ready', async (c) => {
    const readiness = await read();
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
  return routes;
}
