import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq';
import { ConexxusSyncError } from '../base/errors.ts';

/** Spends one attempt: BullMQ runs the job again after `delayMs` (see `backoffStrategy`). */
class AttemptFailedError extends ConexxusSyncError {
  readonly code = 'ATTEMPT_FAILED';
  readonly delayMs: number;

  constructor(message: string, delayMs: number) {
    super(message);
    this.delayMs = delayMs;
  }
}

const UNEXPECTED_ERROR_DELAY_MS = 5_000;

/** Whatever the enqueuing client set or forgot: the worker's policy holds. */
export function holdToPolicy(job: Job): void {
  Object.assign(job.opts, {
    // Our disposition decides when a job dies; BullMQ's own count never ends one.
    attempts: Number.MAX_SAFE_INTEGER,
    backoff: { type: 'custom' },
    removeOnFail: false,
    // The newest alone: pages show the first one, and three hundred attempts would fill Redis with theirs.
    stackTraceLimit: 1,
    // Then the consumer's holds.
    removeOnComplete: undefined,
  });
}

/** BullMQ asks how long to wait; the disposition has put the answer into the error. */
export function backoffStrategy(_attempts: number, _type?: string, error?: Error): number {
  return error instanceof AttemptFailedError ? error.delayMs : UNEXPECTED_ERROR_DELAY_MS;
}

// The four ways out of a processor that do not complete the job. Each one throws: that is how BullMQ
// is told.

export function retry(reason: string, delayMs: number): never {
  throw new AttemptFailedError(reason, delayMs);
}

/** @param stack Where our own code threw; BullMQ keeps it with the dead letter. */
export function deadLetter(reason: string, stack?: string): never {
  const error = new UnrecoverableError(reason);
  if (stack !== undefined) error.stack = stack;
  throw error;
}

/** Spends no attempt. */
export async function postpone(job: Job, token: string, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

/** To the head of the queue; spends no attempt. */
export async function handBack(job: Job, token: string): Promise<never> {
  await job.moveToWait(token);
  throw new WaitingError();
}
