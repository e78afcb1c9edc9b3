import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { MiddlewareHandler } from 'hono';
import { auth as readBasicAuth } from 'hono/utils/basic-auth';
import { isLoopback } from '../base/config/formats.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Network } from '../base/networks.ts';
import { createClientAddress } from './client-address.ts';
import { isWrite } from './origin.ts';
import { problem } from './problem.ts';
import { createLoginThrottle } from './throttle.ts';

export type Role = 'operator' | 'viewer';

/** Who asks. Without credentials (loopback only) everybody is the operator `local`. */
export interface Person {
  readonly name: string;
  readonly role: Role;
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Where the dashboard is bound, and who may use it. */
export interface Access {
  readonly host: string;
  readonly operator?: Credentials | undefined;
  readonly viewer?: Credentials | undefined;
  /** Whose `X-Forwarded-For` is believed. */
  readonly proxies?: readonly Network[] | undefined;
}

export interface OpsEnv {
  Bindings: HttpBindings;
  Variables: { person: Person };
}

/** Not bound to loopback, and nobody would be asked for a password. */
export class DashboardUnprotectedError extends ConexxusSyncError {
  readonly code = 'DASHBOARD_UNPROTECTED';
}

const LOGIN_FAILURES = 10;
const LOGIN_WINDOW_MS = 60_000;
const LOGIN_ADDRESSES = 10_000;
const LOCAL_OPERATOR: Person = { name: 'local', role: 'operator' };

/** Puts the person into the context, or answers 401 (429 after too many failures of one address). */
export function requirePerson(access: Access, logger: Logger): MiddlewareHandler<OpsEnv> {
  const identify = createIdentifier(access);
  const addressOf = createClientAddress(access.proxies ?? []);
  const throttle = createLoginThrottle({
    failures: LOGIN_FAILURES,
    windowMs: LOGIN_WINDOW_MS,
    addresses: LOGIN_ADDRESSES,
    now: () => performance.now(),
  });
  return async (c, next) => {
    const login = readBasicAuth(c.req.raw);
    const address = addressOf(getConnInfo(c).remote.address, c.req.header('x-forwarded-for'));
    // Right or wrong: one that may go on guessing while blocked would still find the password.
    const blockedForMs = login === undefined ? 0 : throttle.blockedForMs(address);
    if (blockedForMs > 0) return tooMany(blockedForMs);
    const person = identify(login);
    if (person === undefined) {
      if (login !== undefined) {
        throttle.failed(address);
        logger.warn({ address }, 'failed login');
      }
      return unauthorized();
    }
    c.set('person', person);
    return next();
  };
}

/** Viewers look. */
export function requireOperatorForWrites(): MiddlewareHandler<OpsEnv> {
  return async (c, next) => (isWrite(c.req.method) ? refuseViewer(c, next) : next());
}

/** Nor see what is for operators alone. */
export function requireOperator(): MiddlewareHandler<OpsEnv> {
  return refuseViewer;
}

const refuseViewer: MiddlewareHandler<OpsEnv> = async (c, next) => {
  const person = c.get('person');
  if (person.role === 'operator') return next();
  return problem({
    status: 403,
    kind: 'viewer',
    title: 'Viewers cannot change anything',
    detail: `${person.name} may look at everything here; changes need the operator's login.`,
  });
};

type Login = ReturnType<typeof readBasicAuth>;

function createIdentifier({ host, operator, viewer }: Access): (login: Login) => Person | undefined {
  if (operator === undefined && viewer === undefined) {
    if (!isLoopback(host)) {
      throw new DashboardUnprotectedError(
        `the dashboard is bound to ${host}, which others can reach: set DASHBOARD_USER and DASHBOARD_PASSWORD`,
      );
    }
    return () => LOCAL_OPERATOR;
  }
  // Digests have one length, whatever was typed, so that comparing them tells nothing by its time.
  const key = randomBytes(32);
  const digest = (user: string, password: string) =>
    createHmac('sha256', key)
      .update(JSON.stringify([user, password]))
      .digest();
  const known = [
    ...(operator === undefined ? [] : [{ credentials: operator, role: 'operator' as const }]),
    ...(viewer === undefined ? [] : [{ credentials: viewer, role: 'viewer' as const }]),
  ].map(({ credentials: { user, password }, role }) => ({
    person: { name: user, role } satisfies Person,
    digest: digest(user, password),
  }));
  return (login) => {
    if (login === undefined) return undefined;
    const given = digest(login.username, login.password);
    return known.find((entry) => timingSafeEqual(entry.digest, given))?.person;
  };
}

function unauthorized(): Response {
  return problem({
    status: 401,
    kind: 'unauthorized',
    title: 'Login required',
    detail: 'This dashboard needs a user name and a password.',
    headers: { 'www-authenticate': 'Basic realm="conexxus-sync", charset="UTF-8"' },
  });
}

function tooMany(blockedForMs: number): Response {
  const seconds = Math.ceil(blockedForMs / 1_000);
  return problem({
    status: 429,
    kind: 'too-many-logins',
    title: 'Too many failed logins',
    detail: `Logins from this address are looked at again in ${seconds} s.`,
    headers: { 'retry-after': String(seconds) },
  });
}
