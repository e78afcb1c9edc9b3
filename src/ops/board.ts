import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Queue } from 'bullmq';
import { type Context, Hono } from 'hono';
import type { Redis } from 'ioredis';
import type { Logger } from '../base/logger.ts';
import { type Redactor, redactData } from '../base/redaction.ts';
import type { OpsEnv, Role } from './auth.ts';
import { notFound, problem, problemOf } from './problem.ts';

export const BOARD_PATH = '/queues';

/**
 * Hides what `board-writes.ts` refuses: the board has no option for it. Only looks hang on these names,
 * so where a next version has others the buttons are back, and answer with the reason.
 */
const TRIM = `<style>
:is([class^="jobActions"], [class^="queueActions"]) li:has(.lucide):not(:has(.lucide-refresh-cw, .lucide-corner-up-left)),
[role="menuitem"]:has(> :is(.lucide-plus, .lucide-chart-no-axes-gantt, .lucide-gauge, .lucide-trash-2, .lucide-ban))
{ display: none; }
</style>`;

export interface BoardDeps {
  readonly queue: Queue;
  readonly redis: Redis;
  readonly redact: Redactor;
  readonly logger: Logger;
}

/**
 * Bull Board, for reading. Writes never reach it (`board-writes.ts`): it has some thirty, most of which
 * can lose a sale, and its next version may have more.
 */
export function createBoard({
  queue,
  redis,
  redact,
  logger,
}: BoardDeps): (c: Context<OpsEnv>) => Promise<Response> {
  const boards: Record<Role, Hono> = {
    operator: boardOf(queue, redact, { readOnlyMode: false }),
    viewer: boardOf(queue, redact, { readOnlyMode: true }),
  };
  return async (c) => {
    const answer = await boards[c.get('person').role].fetch(c.req.raw, c.env);
    if (answer.status === 404 && !isJson(answer)) return notFound(c);
    if (answer.status >= 500) {
      logger.error({ path: c.req.path, answer: await answer.text() }, 'Bull Board failed');
      return problem(problemOf(undefined, redis.status === 'ready'));
    }
    if (answer.status >= 400) return refusalFrom(answer);
    return isHtml(answer) ? selfContained(answer) : answer;
  };
}

function boardOf(queue: Queue, redact: Redactor, { readOnlyMode }: { readOnlyMode: boolean }): Hono {
  // Through a variable: the adapter reads `allowCompletedRetries`, but its type has forgotten it.
  const adapterOptions = { readOnlyMode, allowCompletedRetries: false };
  const adapter = new BullMQAdapter(queue, adapterOptions);
  adapter.setFormatter('data', (data: unknown) => redactData(data, redact));
  const serverAdapter = new HonoAdapter(serveStatic).setBasePath(BOARD_PATH);
  createBullBoard({
    queues: [adapter],
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: 'conexxus-sync',
        hideDocsLink: true,
        miscLinks: [{ text: 'Circuit', url: '/' }],
      },
    },
  });
  // The page calls itself `/queues/` while it is navigated, and is reloaded under that name.
  return new Hono({ strict: false }).route(BOARD_PATH, serverAdapter.registerPlugin());
}

/** Drops what the page would fetch from elsewhere (web fonts): a store may have no way out. */
async function selfContained(page: Response): Promise<Response> {
  const html = await page.text();
  const mended = html
    .replaceAll(/<link\b[^>]*\bhref="https?:[^>]*>/g, '')
    .replace('</head>', `${TRIM}</head>`);
  return new Response(mended, {
    status: page.status,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  });
}

/** Bull Board's refusals are `{error: {key}}`; `error` stays, as its page translates the key. */
async function refusalFrom(answer: Response): Promise<Response> {
  const body: unknown = isJson(answer) ? await answer.json() : undefined;
  const translatable = typeof body === 'object' && body !== null && 'error' in body;
  return problem({
    status: answer.status,
    kind: 'board',
    title: 'Bull Board has no answer',
    detail: 'Bull Board refused this request.',
    ...(translatable ? { extra: { error: body.error } } : {}),
  });
}

function isJson(answer: Response): boolean {
  return (answer.headers.get('content-type') ?? '').startsWith('application/json');
}

function isHtml(answer: Response): boolean {
  return (answer.headers.get('content-type') ?? '').startsWith('text/html');
}
