import { ConexxusSyncError } from '../base/errors.ts';
import type { Problem } from '../base/problem.ts';
import type { Problem as PayloadProblem } from '../sync/jobs/problems.ts';
import type { TokenBearer } from '../tokens/tokens.ts';
import type { BodyRefusal } from './body.ts';

/** `reason`: for the log alone. */
export type Refusal = Problem & { readonly reason?: string };

const MB = 1024 * 1024;
const CHALLENGE = 'Bearer realm="conexxus-sync"';

export const NO_TOKEN: Refusal = {
  status: 401,
  kind: 'unauthorized',
  title: 'Token required',
  detail:
    'Send the token of your store: `Authorization: Bearer cxs_…`. `node dist/cli.js tokens create` makes one.',
  headers: { 'www-authenticate': CHALLENGE },
};

export const BAD_TOKEN: Refusal = {
  status: 401,
  kind: 'bad-token',
  title: 'Unknown token',
  detail:
    'This token was never made, or was revoked. `node dist/cli.js tokens list` shows those in force by name.',
  headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_token"` },
};

export const NOT_READY: Refusal = {
  status: 503,
  kind: 'not-ready',
  title: 'Not ready yet',
  detail: 'The intake has started and waits for Postgres, which has the tokens. Send it again.',
  headers: { 'retry-after': '2' },
};

export function tooManyRequests(waitMs: number): Refusal {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  return {
    status: 429,
    kind: 'too-many-requests',
    title: 'Too many requests',
    detail: `This token made more requests a second than INTAKE_RATE allows. Send it again in ${seconds} s; many sales go in one batch.`,
    headers: { 'retry-after': String(seconds) },
  };
}

export function notFound(method: string, path: string): Refusal {
  return {
    status: 404,
    kind: 'not-found',
    title: 'Not found',
    detail: `There is no ${method} ${path} here: GET /openapi.json has all there is.`,
  };
}

export function wrongMethod(method: string, allowed: string): Refusal {
  return {
    status: 405,
    kind: 'method-not-allowed',
    title: 'Method not allowed',
    detail: `${method} is not for this path: use ${allowed}.`,
    headers: { allow: allowed },
  };
}

export function wrongType(wanted: readonly string[]): Refusal {
  return {
    status: 415,
    kind: 'unsupported-media-type',
    title: 'Unsupported media type',
    detail: `Send UTF-8, not compressed, with \`Content-Type: ${wanted.join('` or `')}\`.`,
  };
}

export function unreadBody(why: BodyRefusal['why'], bytesMax: number): Refusal {
  switch (why) {
    case 'too-large':
      return {
        status: 413,
        kind: 'too-large',
        title: 'Too large',
        detail: `The body is more than ${bytesMax / MB} MB: send fewer sales at a time.`,
      };
    case 'no-room':
      return busy('the bodies of others take all the room there is');
    case 'too-slow':
    case 'gone':
      return {
        status: 408,
        kind: 'incomplete-body',
        title: 'Incomplete body',
        detail: 'The body ended, or stopped, before it was complete. Send it again.',
      };
  }
}

export function tooManyLines(max: number): Refusal {
  return {
    status: 413,
    kind: 'too-many-lines',
    title: 'Too many lines',
    detail: `A batch has at most ${max} lines. Those before are written: send the rest in another one.`,
  };
}

export function unreadable(what: string): Refusal {
  return { status: 400, kind: 'not-json', title: 'Not JSON', detail: `The body ${what}.` };
}

export function invalid(problems: readonly PayloadProblem[], more: number): Refusal {
  const [first] = problems;
  const count = problems.length + more;
  const where = first === undefined || first.path === '' ? '' : `${first.path} `;
  return {
    status: 422,
    kind: 'invalid-payload',
    title: 'Invalid payload',
    detail: `${where}${first?.message ?? 'is not valid'}${count > 1 ? `; and ${count - 1} more: see problems` : ''}`,
    extra: { problems, more },
  };
}

export function otherStore(locationId: string, { name, locationIds }: TokenBearer): Refusal {
  const message = otherStoreWords(locationId, { name, locationIds });
  return {
    status: 403,
    kind: 'other-store',
    title: 'Another store',
    detail: `locationId ${message}`,
    extra: { problems: [{ path: 'locationId', message }], more: 0 },
  };
}

export function otherStoreWords(locationId: string, { name, locationIds }: TokenBearer): string {
  const own = locationIds.slice(0, 5).join(', ');
  return (
    `is ${JSON.stringify(locationId.slice(0, 100))}, and the token ${name} is for ${own}` +
    `${locationIds.length > 5 ? ' and others' : ''} alone: use that store's token`
  );
}

export function unknown(what: string): Refusal {
  return {
    status: 404,
    kind: 'unknown',
    title: 'Unknown',
    detail: `No store of this token has ${what}, or it is forgotten by now.`,
  };
}

const BAD_CURSOR: Refusal = {
  status: 400,
  kind: 'bad-cursor',
  title: 'Bad cursor',
  detail: 'Give `cursor` as `next` had it, or leave it out to begin with the first page.',
};

function busy(reason: string): Refusal {
  return {
    status: 503,
    kind: 'busy',
    title: 'Busy',
    detail: 'More is posted than can be written now. Nothing of this was: send it again.',
    headers: { 'retry-after': '1' },
    reason,
  };
}

/** What the way to the queue or the outbox threw; undefined: a fault of ours. */
export function refusalOf(thrown: unknown): Refusal | undefined {
  if (!(thrown instanceof ConexxusSyncError)) return undefined;
  const reason = thrown.message;
  switch (thrown.code) {
    case 'QUEUE_UNAVAILABLE':
      return { ...away('queue-unavailable', 'Redis is not available now.', 5), reason };
    case 'QUEUE_FULL':
      return { ...away('queue-full', 'Redis has no room now.', 30), reason };
    case 'STORE_AWAY':
      return {
        ...away('store-unavailable', 'Postgres, or for a question Redis, is not available now.', 5),
        reason,
      };
    case 'BUSY':
      return busy(reason);
    case 'BAD_CURSOR':
      return BAD_CURSOR;
    default:
      return undefined;
  }
}

function away(kind: string, what: string, seconds: number): Refusal {
  return {
    status: 503,
    kind,
    title: 'Not available',
    detail: `${what} Keep the sales and send them again: what was written all the same is known then.`,
    headers: { 'retry-after': String(seconds) },
  };
}

export const FAULT: Refusal = {
  status: 500,
  kind: 'internal',
  title: 'Internal error',
  detail: 'The intake failed at this request; its log says why. Send it again later.',
  headers: { 'retry-after': '30' },
};
