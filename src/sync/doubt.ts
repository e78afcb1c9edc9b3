import type { FinishedAttempt } from './attempt.ts';

/**
 * A 409 says "I have it", or "I am still at it". After a try of ours that nobody knows the end of, it may be the
 * second, and what is still at work may yet be rolled back: believed at once, that sale would be lost. So it is
 * asked again after these times, and believed when it has been repeated that long.
 */
const ASK_AGAIN_MS = [5_000, 30_000, 120_000] as const;

/** How often a 409 was repeated since the try in doubt; null: no try of this payload is. */
export type Doubt = number | null;

/** An attempt, read in the light of the earlier ones. */
export interface Weighed {
  readonly attempt: FinishedAttempt;
  /** What the next try has to know; undefined: nothing new. */
  readonly doubt?: number;
  /** In doubt: until it is asked again. */
  readonly askAgainMs?: number;
}

export function weigh(attempt: FinishedAttempt, earlier: Doubt): Weighed {
  if (leavesDoubt(attempt)) return { attempt, doubt: 0 };
  if (attempt.duplicate !== true) return { attempt };
  const doubt = earlier ?? (attempt.resent === true ? 0 : null);
  const askAgainMs = doubt === null ? undefined : ASK_AGAIN_MS[doubt];
  if (doubt === null || askAgainMs === undefined) return { attempt };
  const message = 'HTTP 409 after a try without an answer: it may still be under way, so it is asked again';
  const error = { code: 'http_409', message };
  return {
    attempt: { ...attempt, outcome: 'in_doubt', duplicate: undefined, error },
    doubt: doubt + 1,
    askAgainMs,
  };
}

/** Whether some try of the payload, this one or one before it, still has no known end. */
export function staysInDoubt({ attempt, doubt }: Weighed, earlier: Doubt): boolean {
  return attempt.outcome !== 'delivered' && (doubt ?? earlier) !== null;
}

/** Nobody knows what Conexxus made of it: no answer, one that can't be read, or a gateway's that gave up. */
function leavesDoubt({ outcome, httpStatus }: FinishedAttempt): boolean {
  if (outcome === 'crashed' || outcome === 'aborted') return true;
  if (outcome !== 'transient') return false;
  return httpStatus === undefined || httpStatus < 300 || [408, 502, 504].includes(httpStatus);
}
