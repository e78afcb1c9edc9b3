import type { CircuitEffect, CircuitState } from '../circuit/types.ts';
import type { OutcomeKind } from '../conexxus/outcome.ts';

/**
 * What an attempt came to: the client's outcome; `unstored`: fetched, but Postgres could not take it;
 * `crashed`: our own code threw.
 */
export type AttemptOutcome = OutcomeKind | 'unstored' | 'crashed';

/** What becomes of the job. Only `retry` spends an attempt. */
export type Disposition =
  | { readonly kind: 'complete' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'postpone'; readonly delayMs: number }
  /** To the head of the queue. */
  | { readonly kind: 'hand-back' }
  | { readonly kind: 'dead-letter' };

export interface RetryPolicy {
  /** The first so many retries have full jitter over a growing delay. */
  readonly quickRetries: number;
  readonly retryDelayMs: number;
  /** Counted attempts after which a job that only fails transiently dies. */
  readonly maxAttempts: number;
  /** The same for 403 and 404, which may be one store's lasting fault. */
  readonly maxRefusedAttempts: number;
}

const BACKOFF_MAX_MS = 15 * 60_000;
const STORAGE_RETRY_MS = 30_000;
const SLOW_RETRY_JITTER = 0.1;

/**
 * Decided from the outcome, the circuit as it stood after recording it, and the
 * number of this attempt (from 1). `random` is in [0, 1).
 */
export function dispose(
  outcome: AttemptOutcome,
  circuit: CircuitState,
  attempt: number,
  policy: RetryPolicy,
  random: number,
): Disposition {
  switch (outcome) {
    case 'delivered':
      return { kind: 'complete' };
    case 'transient':
      return disposeFailed(circuit, attempt, policy.maxAttempts, policy, random);
    case 'forbidden':
    case 'not_found':
      return disposeFailed(circuit, attempt, policy.maxRefusedAttempts, policy, random);
    case 'misconfigured':
      return { kind: 'postpone', delayMs: policy.retryDelayMs };
    case 'unstored':
      return { kind: 'postpone', delayMs: STORAGE_RETRY_MS };
    case 'rate_limited':
    case 'aborted':
      return { kind: 'hand-back' };
    case 'rejected':
    case 'crashed':
      return { kind: 'dead-letter' };
  }
}

/** An attempt counts only while the circuit stayed closed: an outage must burn no job's retries. */
function disposeFailed(
  circuit: CircuitState,
  attempt: number,
  maxAttempts: number,
  policy: RetryPolicy,
  random: number,
): Disposition {
  if (circuit !== 'closed') return { kind: 'postpone', delayMs: policy.retryDelayMs };
  if (attempt >= maxAttempts) return { kind: 'dead-letter' };
  return { kind: 'retry', delayMs: backoffMs(attempt, policy, random) };
}

/** Doubles up to 15 minutes: full jitter for the quick retries, ten percent either way after. */
export function backoffMs(attempt: number, policy: RetryPolicy, random: number): number {
  const base = Math.min(BACKOFF_MAX_MS, policy.retryDelayMs * 2 ** (attempt - 1));
  const factor = attempt <= policy.quickRetries ? random : 1 + SLOW_RETRY_JITTER * (2 * random - 1);
  return Math.round(base * factor);
}

/** How the outcome bears on the circuit. */
export function effectOf(outcome: AttemptOutcome): CircuitEffect {
  switch (outcome) {
    case 'delivered':
    case 'unstored':
      return 'success';
    case 'transient':
    case 'forbidden':
    case 'not_found':
      return 'failure';
    case 'misconfigured':
      return 'misconfigured';
    case 'rate_limited':
      return 'rate-limited';
    case 'rejected':
      return 'rejected';
    case 'aborted':
    case 'crashed':
      return 'ignored';
  }
}
