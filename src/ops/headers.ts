import type { MiddlewareHandler } from 'hono';
import { ASSETS_PATH } from './page/assets.ts';

/** Bull Board's page sets styles of its own on its elements; its scripts are files. */
const BOARD_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Their forms go to ourselves alone. */
const ACTION_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** The name of the page's own changes with their content. */
const STATIC_FILES = ['/queues/static/', ASSETS_PATH];

export function securityHeaders(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const { path } = c.req;
    const isAction = isUnder('/act', path);
    c.header('content-security-policy', isAction ? ACTION_POLICY : policyOf(path));
    c.header('x-content-type-options', 'nosniff');
    c.header('x-frame-options', 'DENY');
    // By "no-referrer" a browser sends our own forms with the origin `null`.
    c.header('referrer-policy', isAction ? 'same-origin' : 'no-referrer');
    c.header('cross-origin-opener-policy', 'same-origin');
    c.header('cross-origin-resource-policy', 'same-origin');
    // Sales are shown here: none of it stays in a cache, but for the board's own files.
    c.header(
      'cache-control',
      STATIC_FILES.some((files) => path.startsWith(files)) ? 'private, max-age=3600' : 'no-store',
    );
  };
}

function policyOf(path: string): string {
  return isUnder('/queues', path) ? BOARD_POLICY : PAGE_POLICY;
}

function isUnder(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
