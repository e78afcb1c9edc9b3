import type { Job } from 'bullmq';
import { errorMessage } from '../base/errors.ts';
import type { Performed } from './handlers.ts';
import type { Attempt } from './sync-event.ts';

/** An attempt with what only the disposition needs. */
export interface FinishedAttempt extends Attempt {
  readonly retryAfterMs?: number | undefined;
  /** Where our own code threw. */
  readonly stack?: string | undefined;
}

/** From 1. */
export function attemptNumber(job: Job): number {
  return job.attemptsMade + 1;
}

/** Our own code may throw on one job's data; that job dies alone, with its stack. */
export async function makeAttempt(
  perform: () => Promise<Performed>,
  attempt: number,
): Promise<FinishedAttempt> {
  const startedAt = performance.now();
  try {
    return attemptOf(await perform(), attempt);
  } catch (thrown) {
    return {
      outcome: 'crashed',
      attempt,
      durationMs: Math.round(performance.now() - startedAt),
      error: { code: 'internal_error', message: errorMessage(thrown) },
      stack: thrown instanceof Error ? thrown.stack : undefined,
    };
  }
}

function attemptOf({ outcome, unstored, details }: Performed, attempt: number): FinishedAttempt {
  const { kind, ...told } = outcome;
  const { durationMs, httpStatus, answer } = outcome;
  if (unstored) {
    const error = { code: 'catalog_unavailable', message: unstored.message };
    return { outcome: 'unstored', attempt, durationMs, httpStatus, answer, error };
  }
  return { outcome: kind, attempt, ...told, details };
}
