import { Hono } from 'hono';
import { shared } from '../../base/shared.ts';
import { CONTENT_TYPE } from './instruments.ts';
import type { Metrics } from './process-metrics.ts';

/** Scraped more often than this, or by several, it costs no more. */
const TEXT_KEPT_MS = 1_000;

/** `GET /metrics`: always 200, with what is known. */
export function metricsRoutes({ text }: Pick<Metrics, 'text'>): Hono {
  const read = shared(text, TEXT_KEPT_MS);
  const routes = new Hono();
  routes.get('/metrics', async (c) => c.body(await read(), 200, { 'content-type': CONTENT_TYPE }));
  return routes;
}
