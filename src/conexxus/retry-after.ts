import type { IncomingHttpHeaders } from 'node:http';

/** No answer can make the fleet wait longer than this. */
export const MAX_RETRY_AFTER_MS = 60 * 60 * 1_000;

// RFC 9110 knows whole seconds alone; servers that divide send `30.0`, and mean it.
const SECONDS = /^\d+(?:\.\d+)?$/;

// Date.parse alone also takes `soon 2099` and `-5` for dates.
const HTTP_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, \d{1,2}[ -][A-Z][a-z]{2}[ -](?:\d{4}|\d{2}) \d{2}:\d{2}:\d{2} (?:GMT|UTC|[+-]0000)$/;
/** C's `asctime`, which RFC 9110 has every recipient read. It names no zone, and means UTC. */
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * How long an answer asks us to wait, in ms, at most `MAX_RETRY_AFTER_MS`; undefined where it names no
 * time ahead (garbage, negative, zero, past), so that the caller's own default holds. A part of a second
 * counts as a whole one.
 *
 * A date counts against the answer's own `Date`, since this machine's clock may be off; `nowMs` (epoch ms)
 * stands in where there is none.
 */
export function parseRetryAfter(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const value = headers['retry-after']?.trim() ?? '';
  const waitMs = SECONDS.test(value)
    ? Math.ceil(Number(value)) * 1_000
    : httpDate(value) - (httpDate(headers.date) || nowMs);
  return waitMs > 0 ? Math.min(waitMs, MAX_RETRY_AFTER_MS) : undefined;
}

/** Epoch ms, or NaN. */
function httpDate(value = ''): number {
  const text = value.trim();
  if (HTTP_DATE.test(text)) return Date.parse(text);
  return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
