import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms`, or at once when the signal says so. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // It rejects by the signal alone, and then the pause is over.
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
