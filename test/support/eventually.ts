import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the assertions hold; after `timeoutMs` the last failure is thrown. */
export async function eventually(assertions: () => Promise<void> | void, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertions();
    } catch (failure) {
      if (performance.now() > deadline) throw failure;
      await delay(20);
    }
  }
}
