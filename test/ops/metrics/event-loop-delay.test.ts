import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type EventLoopDelay, watchDelay } from '../../../src/ops/metrics/event-loop-delay.ts';
import { eventually } from '../../support/eventually.ts';

let eventLoop: EventLoopDelay;

afterEach(() => eventLoop.stop());

describe('the delay of the event loop', () => {
  it('is that of a loop that was blocked, and is seen by all who scrape', async () => {
    eventLoop = watchDelay([0.5, 1]);
    await delay(50);
    const end = performance.now() + 300;
    while (performance.now() < end);
    await eventually(() => expect(eventLoop.quantile(1)).toBeGreaterThan(0.25));
    expect(eventLoop.quantile(1)).toBeGreaterThan(0.25);
    expect(eventLoop.quantile(1)).toBeLessThan(10);
  });
});
