import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type EventLoopWatch, watchEventLoop } from '../../src/ops/event-loop.ts';

const STANDSTILL_MS = 300;
const AGAIN = 'the event loop stands still again and again';

let watch: EventLoopWatch;
afterEach(() => watch.stop());

async function block(ms: number): Promise<void> {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  await turn();
}

describe('the event loop', () => {
  it('is stuck where it stands still twice within the time that is remembered', async () => {
    watch = watchEventLoop({ standstillMs: STANDSTILL_MS, rememberedMs: 60_000 });
    expect(watch.stuck()).toBeNull();
    await block(STANDSTILL_MS + 50);
    expect(watch.stuck()).toBeNull();
    // One standstill is not counted twice, however often somebody asks.
    expect(watch.stuck()).toBeNull();
    await block(STANDSTILL_MS + 50);
    expect(watch.stuck()).toBe(AGAIN);
    expect(watch.stuck()).toBe(AGAIN);
  });

  it('is well again once that was long ago', async () => {
    watch = watchEventLoop({ standstillMs: STANDSTILL_MS, rememberedMs: 2 * STANDSTILL_MS });
    await block(STANDSTILL_MS + 50);
    expect(watch.stuck()).toBeNull();
    await block(STANDSTILL_MS + 50);
    expect(watch.stuck()).toBe(AGAIN);
    for (let blocks = 0; blocks < 10; blocks += 1) {
      await block(STANDSTILL_MS / 4);
      watch.stuck();
    }
    expect(watch.stuck()).toBeNull();
  });
});
