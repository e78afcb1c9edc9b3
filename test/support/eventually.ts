import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the assertions hold, and gives what they give; after `timeoutMs` the last failure is thrown. */
export async function eventually<Value>(
  assertions: () => Promise<Value> | Value,
  timeoutMs = 10_000,
): Promise<Value> {
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
