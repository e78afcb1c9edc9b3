import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { type Problem, problem as plainProblem } from '../base/problem.ts';

/** Bull Board's page shows a failed request as a message only where it finds two members more. */
export function problem({ extra, ...told }: Problem): Response {
  return plainProblem({ ...told, extra: { error: told.title, message: told.detail, ...extra } });
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
