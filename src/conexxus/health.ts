import { toOutcomeError } from './call-error.ts';
import type { CallContext, Classified } from './classify.ts';
import type { OutcomeError } from './outcome.ts';
import { parseHealthStatus } from './wire.ts';

/** What `GET /api/v1/health` came to. */
export type HealthAnswer =
  /** `unsupported`: 404 or 405, this API has no such check. */
  | { readonly kind: 'ok' | 'unsupported'; readonly durationMs: number; readonly httpStatus: number }
  | {
      readonly kind: 'rate_limited' | 'misconfigured' | 'failed';
      readonly durationMs: number;
      readonly httpStatus?: number;
      readonly error: OutcomeError;
      readonly retryAfterMs?: number;
    };

/** Reads the outcome of a health call as health. Pure. */
export function toHealthAnswer({ outcome, data }: Classified, { redact }: CallContext): HealthAnswer {
  const { durationMs, httpStatus } = outcome;
  if (httpStatus === 404 || httpStatus === 405) return { kind: 'unsupported', durationMs, httpStatus };
  if (outcome.kind !== 'delivered') {
    // The beginning of a page says no more than the error does.
    const { kind, answer: _answer, ...failed } = outcome;
    return { kind: kind === 'rate_limited' || kind === 'misconfigured' ? kind : 'failed', ...failed };
  }
  const status = parseHealthStatus(data);
  if (status === 'ok') return { kind: 'ok', durationMs, httpStatus: outcome.httpStatus };
  const message = `health check says ${status === undefined ? 'nothing' : `"${status}"`}, not "ok"`;
  const error = toOutcomeError({ code: 'unhealthy', message }, redact);
  return { kind: 'failed', durationMs, httpStatus: outcome.httpStatus, error };
}
