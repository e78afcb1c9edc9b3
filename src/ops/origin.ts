import type { MiddlewareHandler } from 'hono';
import { isLoopback } from '../base/config/formats.ts';
import { problem } from './problem.ts';

const READS = new Set(['GET', 'HEAD']);

export function isWrite(method: string): boolean {
  return !READS.has(method);
}

/**
 * Bound to loopback, only loopback names are answered: else a page whose name its owner points at
 * 127.0.0.1 (DNS rebinding) would be of our own origin. Bound wider, any name may be ours, and the
 * credentials, which are required then, are what such a page has not got.
 */
export function requireKnownHost(boundHost: string): MiddlewareHandler {
  return async (c, next) => {
    const { hostname } = new URL(c.req.url);
    if (!isLoopback(boundHost) || isLoopback(hostname) || hostname === boundHost) return next();
    return problem({
      status: 403,
      kind: 'unknown-host',
      title: 'Unknown host',
      detail: `This dashboard is bound to ${boundHost} and does not answer to the name ${hostname}. Use ${boundHost}, also as the Host that a proxy or tunnel in front of it sends.`,
    });
  };
}

/**
 * Any web page can post to loopback, and the browser adds the password it knows. Browsers say where a
 * request comes from; what says nothing (curl, a script) is no browser, and carries its own password.
 */
export function requireSameOrigin(): MiddlewareHandler {
  return async (c, next) => {
    if (!isWrite(c.req.method)) return next();
    const site = c.req.header('sec-fetch-site');
    const origin = c.req.header('origin');
    const sameSite = site === undefined || site === 'same-origin';
    // The host alone: behind a proxy that ends TLS, the page's scheme is not ours.
    if (sameSite && (origin === undefined || hostOf(origin) === new URL(c.req.url).host)) return next();
    return problem({
      status: 403,
      kind: 'cross-site',
      title: 'Cross-site request',
      detail: `Changes are only taken from the dashboard's own pages, and this one came from ${origin ?? 'another site'}.`,
    });
  };
}

function hostOf(origin: string): string | undefined {
  // `null`, the origin of sandboxed pages, is no URL.
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
