import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';

export interface Problem {
  readonly status: number;
  /** Literal and stable: callers branch on it. Becomes the last part of the problem's `type`. */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  /** Further members of the body. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An RFC 9457 answer. */
export function problem({ status, kind, title, detail, extra, headers }: Problem): Response {
  const body = {
    type: `urn:conexxus-sync:problem:${kind}`,
    title,
    status,
    detail,
    // Bull Board's page shows a failed request as a message only where it finds these two.
    error: title,
    message: detail,
    ...extra,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
  });
}

export function notFound(c: Context): Response {
  return problem({
    status: 404,
    kind: 'not-found',
    title: 'Not found',
    detail: `There is no ${c.req.method} ${c.req.path} here.`,
  });
}

/** What a thrown error may tell the outside: nothing of its message, which can name hosts and users. */
export function problemOf(thrown: unknown, redisReady: boolean): Problem {
  if (thrown instanceof HTTPException) {
    return {
      status: thrown.status,
      kind: 'bad-request',
      title: 'Bad request',
      detail: thrown.message,
    };
  }
  if (!redisReady) {
    return {
      status: 503,
      kind: 'redis-away',
      title: 'Redis is away',
      detail: 'The dashboard has no connection to Redis and keeps trying.',
      headers: { 'retry-after': '2' },
    };
  }
  return {
    status: 500,
    kind: 'internal',
    title: 'Internal error',
    detail: 'The dashboard failed at this request; its log says why.',
  };
}
