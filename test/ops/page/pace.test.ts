import { describe, expect, it } from '@jest/globals';
import { createPacemaker, type Mark, untilEmptyMs } from '../../../src/ops/page/pace.ts';

const mark = (seconds: number, successes: number, waiting: number): Mark => ({
  now: seconds * 1_000,
  successes,
  failures: 0,
  waiting,
});

describe('the pace', () => {
  it('is not known before some seconds were seen', () => {
    const measure = createPacemaker();
    expect(measure(mark(0, 0, 100))).toBeNull();
    expect(measure(mark(3, 30, 70))).toBeNull();
    expect(measure(mark(4, 40, 60))).toEqual({ delivered: 10, failed: 0, drained: 10 });
  });

  it('forgets what is longer ago than half a minute', () => {
    const measure = createPacemaker();
    measure(mark(0, 0, 1_000));
    measure(mark(20, 0, 1_000));
    expect(measure(mark(40, 100, 900))).toEqual({ delivered: 5, failed: 0, drained: 5 });
  });

  it('begins anew with a circuit that was made anew', () => {
    const measure = createPacemaker();
    measure(mark(0, 500, 10));
    expect(measure(mark(10, 3, 10))).toBeNull();
    expect(measure(mark(20, 13, 0))).toEqual({ delivered: 1, failed: 0, drained: 1 });
  });

  it('tells when nothing waits any more, unless it does not get less', () => {
    const pace = { delivered: 5, failed: 0, drained: 4 };
    expect(untilEmptyMs(pace, 100)).toBe(25_000);
    expect(untilEmptyMs({ ...pace, drained: 0 }, 100)).toBeNull();
    expect(untilEmptyMs(null, 100)).toBeNull();
  });
});
