import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Happening, type Happenings, tell } from '../../src/base/happenings.ts';
import { type ConsumerWatch, consumerLimitMs, watchConsumer } from '../../src/sync/consumer-watch.ts';

const LIMIT_MS = 100_000;
const DAY_S = 86_400;

let now: number;
let isAtWork: boolean;
let watch: ConsumerWatch;

beforeEach(() => {
  now = 5_000;
  isAtWork = true;
  watch = watchConsumer({ limitMs: LIMIT_MS, isAtWork: () => isAtWork, now: () => now });
});

afterEach(() => watch.stop());

/** Seconds in each of which Redis answers the gate, and this happens. */
function pass<Name extends Happening>(seconds: number, name?: Name, message?: Happenings[Name]): void {
  for (let second = 0; second < seconds; second += 1) {
    now += 1_000;
    tell('gate-followed', { state: 'closed', pausedBy: [], concurrency: 0, standing: 'full' });
    if (name !== undefined && message !== undefined) tell(name, message);
  }
}

describe('a consumer is stuck', () => {
  it('where it neither asks for jobs nor ends one for longer than any step takes, though Redis answers', () => {
    pass(60, 'jobs-asked-for', {});
    pass(100);
    expect(watch.stuck()).toBeNull();
    pass(2);
    expect(watch.stuck()).toBe('the consumer asked for no job and ended none in 102 s, though Redis answers');
    // It was late, and it goes on.
    tell('job-ended', { jobId: 'ps-1' });
    expect(watch.stuck()).toBeNull();
  });

  it('at once where it has ended by itself', () => {
    tell('consumer-ended', { error: 'a bug' });
    expect(watch.stuck()).toBe('the consumer has ended by itself');
    pass(1, 'jobs-asked-for', {});
    expect(watch.stuck()).toBe('the consumer has ended by itself');
  });

  it('never where a call may take longer than the limit', () => {
    expect(consumerLimitMs(30_000)).toBeGreaterThan(2 * 30_000);
  });
});

describe('a consumer is not stuck', () => {
  it('while Redis is away, for a day: time in which nothing answers is not counted', () => {
    pass(90);
    now += DAY_S * 1_000;
    pass(9);
    expect(watch.stuck()).toBeNull();
    // What was counted before is not forgotten.
    pass(9);
    expect(watch.stuck()).not.toBeNull();
  });

  it('while Redis answers once in a while', () => {
    for (let answers = 0; answers < 1_000; answers += 1) {
      now += 15_000;
      tell('gate-followed', { state: 'closed', pausedBy: [], concurrency: 0, standing: 'full' });
    }
    expect(watch.stuck()).toBeNull();
  });

  it('while the queue is paused and there is nothing to do: it asks all the same', () => {
    for (let waits = 0; waits < DAY_S / 10; waits += 1) {
      pass(9);
      pass(1, 'jobs-asked-for', {});
    }
    expect(watch.stuck()).toBeNull();
  });

  it.each([
    ['its slots wait for a half-open circuit', 'job-waits', { jobId: 'ps-1' }],
    ['its slots wait for a Redis that takes no writes', 'redis-refused', { error: 'OOM' }],
    ['its slots store a large catalog in a slow Postgres', 'items-stored', { items: 250 }],
  ] as const)('while %s', (_what, name, message) => {
    pass(1_000, name, message);
    expect(watch.stuck()).toBeNull();
  });

  it('while it is benched or drains, nor right after', () => {
    isAtWork = false;
    pass(1_000);
    tell('consumer-ended', { error: 'closed' });
    expect(watch.stuck()).toBeNull();
  });

  it('right after it was benched', () => {
    isAtWork = false;
    pass(1_000);
    isAtWork = true;
    pass(99);
    expect(watch.stuck()).toBeNull();
  });
});
