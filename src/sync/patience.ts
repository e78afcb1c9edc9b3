import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';

const ASK_AGAIN_MS = 1_000;

/**
 * Asks Redis until it answers: full (`maxmemory`), loading or failing over, it refuses for a while, and
 * a job whose claim or outcome can't be written waits in its slot; it must burn no attempt for that.
 * When the process is told to stop, the last refusal is thrown.
 */
export async function untilAnswered<Answer>(
  ask: () => Promise<Answer>,
  stopping: AbortSignal,
): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (stopping.aborted) throw error;
      tell('redis-refused', { error: errorMessage(error) });
      await delay(ASK_AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
  }
}
