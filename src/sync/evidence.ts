import type { FailureReport } from '../circuit/types.ts';
import type { FinishedAttempt } from './attempt.ts';
import { type AttemptOutcome, effectOf } from './disposition.ts';
import type { SyncJob } from './jobs/jobs.ts';
import { isRefusal } from './refused.ts';

const LOCATION_MAX = 200;

/**
 * What stands for the payload where the circuit asks whether it alone fails: 403 and 404 may be one store's,
 * so there the store does. Undefined: the payload itself.
 */
export function evidenceOf(outcome: AttemptOutcome, job: SyncJob): string | undefined {
  if (!isRefusal(outcome)) return undefined;
  // The circuit keeps such names in lists that are parted by spaces.
  return `location:${job.locationId.slice(0, LOCATION_MAX).replace(/\s/gu, '_')}`;
}

/** What the circuit keeps as its last failure; only of what counts as one. */
export function failureOf(
  { outcome, error, httpStatus }: FinishedAttempt,
  jobId: string,
  worker: string,
): FailureReport | undefined {
  const effect = effectOf(outcome);
  if (effect !== 'failure' && effect !== 'misconfigured') return undefined;
  return { jobId, worker, httpStatus, code: error?.code ?? outcome, message: error?.message ?? outcome };
}
