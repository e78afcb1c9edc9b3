import { Hono } from 'hono';
import type { Logger } from '../base/logger.ts';
import { problem } from './problem.ts';
import { shared, within } from './shared.ts';

/**
 * By the name of what is checked (`redis`, `postgres`, `events`, …); false, a rejection, or a text that says
 * why and that anybody may read: it fails.
 */
export type ReadinessChecks = Readonly<Record<string, () => Promise<boolean | string>>>;

/** `ok`, `failed`, `timeout`, or why it fails. */
type Readings = Readonly<Record<string, string>>;

const CHECK_TIMEOUT_MS = 2_000;
/** Asked without a login, so asking often must not become load on what is checked. */
const READING_KEPT_MS = 1_000;

/**
 * `GET /live`: the process answers. `GET /ready`: 200 `{ready: true, checks}`, or 503 with the same
 * `checks` by name. Reasons go to the log alone: they name hosts and users.
 */
export function healthRoutes(checks: ReadinessChecks, logger: Logger): Hono {
  const read = shared(() => readAll(checks, logger), READING_KEPT_MS);
  const routes = new Hono();
  routes.get('/live', (c) => c.json({ live: true }));
  routes.get('/ready', async (c) => {
    const readings = await read();
    const failing = Object.keys(readings).filter((name) => readings[name] !== 'ok');
    if (failing.length === 0) return c.json({ ready: true, checks: readings });
    return problem({
      status: 503,
      kind: 'not-ready',
      title: 'Not ready',
      detail: `Failing: ${failing.join(', ')}.`,
      extra: { ready: false, checks: readings },
    });
  });
  return routes;
}

async function readAll(checks: ReadinessChecks, logger: Logger): Promise<Readings> {
  const readings = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await readOne(name, check, logger)] as const),
  );
  return Object.fromEntries(readings);
}

async function readOne(name: string, check: ReadinessChecks[string], logger: Logger): Promise<string> {
  const outcome = check().catch((error: unknown) => {
    logger.warn({ err: error, check: name }, 'readiness check failed');
    return false;
  });
  const reading = await within(CHECK_TIMEOUT_MS, outcome, 'timeout');
  if (typeof reading === 'string') return reading;
  return reading ? 'ok' : 'failed';
}
