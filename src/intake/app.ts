import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { problem } from '../base/problem.ts';
import { type Redactor, redactJson } from '../base/redaction.ts';
import { askForJob, askForPending, askForSale } from './asking.ts';
import { openApiDocument } from './openapi.ts';
import { OPERATIONS, type OperationName } from './operations.ts';
import { type IntakeEnv, postBatch, postJob, Refused } from './posting.ts';
import type { Rate } from './rate.ts';
import {
  BAD_TOKEN,
  FAULT,
  NO_TOKEN,
  NOT_READY,
  notFound,
  type Refusal,
  refusalOf,
  tooManyRequests,
  wrongMethod,
} from './refusals.ts';
import { createRoom } from './room.ts';
import type { TokenBook } from './token-book.ts';
import type { Trail } from './trail.ts';
import type { Way } from './way.ts';

/** What there is once Postgres told where sales go. */
export interface Begun {
  readonly way: Way;
  readonly trail: Trail;
}

export interface IntakeDeps {
  readonly tokens: Pick<TokenBook, 'find' | 'isOpen'>;
  readonly rate: Rate;
  /** Undefined until it is known. */
  readonly begun: () => Begun | undefined;
  readonly redact: Redactor;
}

type Handler = (c: Context<IntakeEnv>) => Promise<Response>;

/** Bodies that the process holds at a time. */
const ROOM_BYTES = 256 * 1024 * 1024;
const TOLD_AGAIN_MS = 1_000;

/** The intake's HTTP app. */
export function createIntakeApp(deps: IntakeDeps): Hono<IntakeEnv> {
  const app = new Hono<IntakeEnv>();
  const tellOnce = createTeller();
  const refuse = (c: Context<IntakeEnv>, refusal: Refusal) => {
    const { reason, ...told } = refusal;
    // Who asks for what nobody has heard of is answered, and not refused.
    if (told.kind !== 'unknown')
      tellOnce({
        operation: operationOf(c),
        status: told.status,
        problem: told.kind,
        token: c.get('bearer')?.name,
        reason: reason === undefined ? undefined : deps.redact(reason),
      });
    return problem(told);
  };
  app.onError((error, c) => {
    const refusal = error instanceof Refused ? error.refusal : refusalOf(error);
    if (refusal !== undefined) return refuse(c, refusal);
    tell('request-failed', { operation: operationOf(c), error: errorMessage(error) });
    return refuse(c, FAULT);
  });
  app.notFound((c) => refuse(c, notFound(c.req.method, c.req.path)));
  app.use(measured(), quiet());

  const document = JSON.stringify(openApiDocument());
  app.get(OPERATIONS.openapi.path, (c) => c.body(document, 200, { 'content-type': 'application/json' }));
  app.use('/v1/*', requireToken(deps), requireBegun(deps));
  const handlers = handlersOf(deps);
  for (const name of handlers.keys()) {
    const { method, path } = OPERATIONS[name];
    const handle = handlers.get(name);
    if (handle !== undefined) app.on(method, path, handle);
  }
  // Whoever has the path right and the method wrong.
  for (const { method, path } of Object.values(OPERATIONS)) {
    app.all(path, (c) => refuse(c, wrongMethod(c.req.method, method)));
  }
  return app;
}

function handlersOf({ begun, redact }: IntakeDeps): Map<OperationName, Handler> {
  const room = createRoom(ROOM_BYTES);
  const trail = () => {
    const trail = begun()?.trail;
    if (trail === undefined) throw new Refused(NOT_READY);
    return trail;
  };
  // What Conexxus answered is quoted in them.
  const told = (answer: object) =>
    new Response(redactJson(JSON.stringify(answer), redact), {
      headers: { 'content-type': 'application/json' },
    });
  return new Map<OperationName, Handler>([
    ['push_sales', (c) => postJob(c, 'push_sales', room)],
    ['push_sales_batch', (c) => postBatch(c, room)],
    ['fetch_inventory', (c) => postJob(c, 'fetch_inventory', room)],
    ['job', async (c) => told(await askForJob(c))],
    ['sale', async (c) => told(await askForSale(c, trail()))],
    ['pending', async (c) => told(await askForPending(c))],
  ]);
}

function requireToken({ tokens, rate }: IntakeDeps): MiddlewareHandler<IntakeEnv> {
  return async (c, next) => {
    const token = /^Bearer +([\w.~+/-]{1,200}=*) *$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (token === undefined) throw new Refused(NO_TOKEN);
    if (!tokens.isOpen()) throw new Refused(NOT_READY);
    const bearer = await tokens.find(token);
    if (bearer === undefined) throw new Refused(BAD_TOKEN);
    c.set('bearer', bearer);
    const waitMs = rate.waitMs(bearer.name);
    if (waitMs > 0) throw new Refused(tooManyRequests(waitMs));
    return next();
  };
}

function requireBegun({ begun }: IntakeDeps): MiddlewareHandler<IntakeEnv> {
  return async (c, next) => {
    const now = begun();
    if (now === undefined) throw new Refused(NOT_READY);
    c.set('way', now.way);
    return next();
  };
}

function measured(): MiddlewareHandler<IntakeEnv> {
  return async (c, next) => {
    const from = performance.now();
    await next();
    const durationMs = performance.now() - from;
    tell('request-answered', { operation: operationOf(c), status: c.res.status, durationMs });
  };
}

function quiet(): MiddlewareHandler<IntakeEnv> {
  return async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
  };
}

/** `other`: what is none of ours. */
function operationOf(c: Context<IntakeEnv>): string {
  const { method, path } = c.req;
  const found = Object.entries(OPERATIONS).find(
    ([, operation]) => operation.method === method && operation.matches.test(path),
  );
  return found?.[0] ?? 'other';
}

type Told = Parameters<typeof tell<'request-refused'>>[1];

/** Who hammers at the door shall not fill the disk with it. */
function createTeller() {
  const toldAt = new Map<string, number>();
  return (refused: Told) => {
    const key = `${refused.token} ${refused.operation} ${refused.problem}`;
    const now = performance.now();
    if (now - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return;
    toldAt.set(key, now);
    tell('request-refused', refused);
  };
}
