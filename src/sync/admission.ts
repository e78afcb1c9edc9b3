import { tell } from '../base/happenings.ts';
import type { Circuit } from '../circuit/circuit.ts';
import type { Acquired, Subject } from '../circuit/types.ts';
import type { Gate } from './gate/gate.ts';

/** What the circuit made of a job that asks to call. */
export type Admission =
  | Extract<Acquired, { kind: 'permitted' | 'delivered' }>
  /** The queue is paused by now: back to its head. */
  | { readonly kind: 'hand-back' }
  /** The same payload is under way in another job. */
  | { readonly kind: 'postpone'; readonly delayMs: number };

const LOOK_AGAIN_MS = 1_000;

/**
 * Asks until there is an answer to act on. A half-open circuit is waited for in the job's slot, since a
 * job handed back to a running queue would be fetched again at once: a hot loop over the whole backlog.
 * `stopping` ends the wait.
 */
export async function enter(
  subject: Subject,
  circuit: Pick<Circuit, 'acquire'>,
  gate: Pick<Gate, 'follow' | 'nextMove'>,
  stopping: AbortSignal,
): Promise<Admission> {
  while (!stopping.aborted) {
    const acquired = await circuit.acquire(subject);
    if (acquired.kind !== 'denied') return acquired;
    switch (acquired.reason) {
      case 'in-flight':
        return { kind: 'postpone', delayMs: acquired.waitMs ?? LOOK_AGAIN_MS };
      case 'health':
      case 'trials':
        tell('job-waits', { jobId: subject.jobId });
        await gate.nextMove(Math.min(acquired.waitMs ?? LOOK_AGAIN_MS, LOOK_AGAIN_MS), stopping);
        break;
      case 'benched':
        // The gate keeps this worker from fetching; others take the job from the running queue.
        await gate.follow();
        return { kind: 'hand-back' };
      default:
        // Pause first, then hand back. No reason to pause: the circuit has moved on, so ask again.
        if ((await gate.follow()).length > 0) return { kind: 'hand-back' };
    }
  }
  return { kind: 'hand-back' };
}
