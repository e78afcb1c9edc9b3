import type { PostedJob } from '../outbox/posted.ts';
import type { Problem } from '../sync/jobs/problems.ts';
import type { JobAnswer, PendingAnswer } from './contract.ts';

export interface Written {
  readonly jobId: string;
  /** `known`: it was there before; nothing was added. */
  readonly status: 'accepted' | 'known';
  readonly state: string;
}

/** Where the intake writes to, and what that knows afterwards. Chosen once, when the process starts. */
export interface Way {
  readonly kind: 'queue' | 'outbox';
  /** What else than the rules of a job it cannot carry. Given checked data. */
  problems(data: unknown): readonly Problem[];
  /**
   * Resolves when they are written for good, with a result each. To write again after an error is safe.
   * @throws QueueUnavailableError, QueueFullError, StoreAwayError, BusyError
   */
  write(posted: readonly PostedJob[]): Promise<readonly Written[]>;
  /** Undefined: none of these stores has such a job. @throws as `write` */
  job(jobId: string, locationIds: readonly string[]): Promise<JobAnswer | undefined>;
  /** @throws as `write`, and BadCursorError */
  pending(locationIds: readonly string[], cursor: string | undefined): Promise<PendingAnswer>;
}
