import type { CircuitEffect, Recorded } from '../circuit/types.ts';
import type { OutcomeKind } from '../conexxus/outcome.ts';

/**
 * What an attempt came to: the client's outcome; `unstored`: fetched, but Postgres could not take it;
 * `in_doubt`: a 409 that may mean an earlier try still under way; `crashed`: our own code threw.
 */
export type AttemptOutcome = OutcomeKind | 'unstored' | 'in_doubt' | 'crashed';

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
  /** The same for 403 and 404, which may be one store's lasting fault, while others are delivered. */
  readonly maxRefusedAttempts: number;
}

const BACKOFF_MAX_MS = 15 * 60_000;
const STORAGE_RETRY_MS = 30_000;
const SLOW_RETRY_JITTER = 0.1;

/** What the circuit made of an attempt, and what is known of its job. */
export interface Circumstances extends Pick<Recorded, 'state' | 'verdict' | 'waitMs'> {
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Whether anything was delivered since this job was first refused with 403 or 404. */
  readonly deliveredSince: boolean;
  /** In doubt: until it is asked again. */
  readonly askAgainMs?: number | undefined;
}

/** Decided from the outcome and the circuit as it stood after recording it. `random` is in [0, 1). */
export function dispose(
  outcome: AttemptOutcome,
  circumstances: Circumstances,
  policy: RetryPolicy,
  random: number,
): Disposition {
  const { state, verdict, waitMs, deliveredSince } = circumstances;
  switch (outcome) {
    case 'delivered':
      return { kind: 'complete' };
    case 'transient':
      return disposeFailed(circumstances, policy.maxAttempts, policy, random);
    case 'forbidden':
    case 'not_found':
      // As long as nothing at all gets through, it may be Conexxus and not this store.
      return disposeFailed(
        circumstances,
        deliveredSince ? policy.maxRefusedAttempts : policy.maxAttempts,
        policy,
        random,
      );
    case 'misconfigured':
      return { kind: 'postpone', delayMs: policy.retryDelayMs };
    case 'unstored':
      return { kind: 'postpone', delayMs: STORAGE_RETRY_MS };
    case 'in_doubt':
      return { kind: 'postpone', delayMs: circumstances.askAgainMs ?? policy.retryDelayMs };
    case 'rate_limited':
      // Where all wait, the pause holds it back, and a person who ends the break early has it go too: it need
      // only lose its place at the head.
      return {
        kind: 'postpone',
        delayMs: verdict === 'alone' && waitMs !== null ? waitMs : policy.retryDelayMs,
      };
    case 'aborted':
      return { kind: 'hand-back' };
    case 'rejected':
      return { kind: 'dead-letter' };
    case 'crashed':
      // A release that throws on every job must not bury them all.
      return verdict === 'benched' || state === 'open'
        ? { kind: 'postpone', delayMs: policy.retryDelayMs }
        : { kind: 'dead-letter' };
  }
}

/**
 * An attempt counts only while the circuit stayed closed, or if it speaks of this payload alone: neither an
 * outage nor a sick worker may burn a job's retries.
 */
function disposeFailed(
  { state, verdict, attempt }: Circumstances,
  maxAttempts: number,
  policy: RetryPolicy,
  random: number,
): Disposition {
  const counts = verdict === 'suspect' || (state === 'closed' && verdict !== 'benched');
  if (!counts) return { kind: 'postpone', delayMs: policy.retryDelayMs };
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
    case 'in_doubt':
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
    case 'crashed':
      return 'crashed';
    case 'aborted':
      return 'ignored';
  }
}
