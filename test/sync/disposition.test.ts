import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AttemptOutcome,
  backoffMs,
  dispose,
  effectOf,
  type RetryPolicy,
} from '../../src/sync/disposition.ts';

const policy: RetryPolicy = {
  quickRetries: 3,
  retryDelayMs: 1_000,
  maxAttempts: 300,
  maxRefusedAttempts: 10,
};
const MINUTES_15 = 900_000;

describe('what an outcome does to its job', () => {
  it.each<[AttemptOutcome, ReturnType<typeof dispose>, ReturnType<typeof effectOf>]>([
    ['delivered', { kind: 'complete' }, 'success'],
    ['transient', { kind: 'retry', delayMs: 500 }, 'failure'],
    ['forbidden', { kind: 'retry', delayMs: 500 }, 'failure'],
    ['not_found', { kind: 'retry', delayMs: 500 }, 'failure'],
    ['misconfigured', { kind: 'postpone', delayMs: 1_000 }, 'misconfigured'],
    ['rate_limited', { kind: 'hand-back' }, 'rate-limited'],
    ['rejected', { kind: 'dead-letter' }, 'rejected'],
    ['aborted', { kind: 'hand-back' }, 'ignored'],
    ['unstored', { kind: 'postpone', delayMs: 30_000 }, 'success'],
    ['crashed', { kind: 'dead-letter' }, 'ignored'],
  ])('%s, first attempt, circuit closed', (outcome, disposition, effect) => {
    expect(dispose(outcome, 'closed', 1, policy, 0.5)).toEqual(disposition);
    expect(effectOf(outcome)).toBe(effect);
  });

  it.each(['open', 'half-open'] as const)(
    'a failure while the circuit is %s spends no attempt',
    (circuit) => {
      for (const outcome of ['transient', 'forbidden', 'not_found'] as const) {
        expect(dispose(outcome, circuit, 10_000, policy, 0.5)).toEqual({ kind: 'postpone', delayMs: 1_000 });
      }
    },
  );

  it('a transient failure kills a job only at its last counted attempt', () => {
    expect(dispose('transient', 'closed', 299, policy, 0.5).kind).toBe('retry');
    expect(dispose('transient', 'closed', 300, policy, 0.5)).toEqual({ kind: 'dead-letter' });
  });

  it('a lasting 403 or 404 kills its job after fewer attempts', () => {
    expect(dispose('not_found', 'closed', 9, policy, 0.5).kind).toBe('retry');
    expect(dispose('not_found', 'closed', 10, policy, 0.5)).toEqual({ kind: 'dead-letter' });
    expect(dispose('forbidden', 'closed', 10, policy, 0.5)).toEqual({ kind: 'dead-letter' });
  });
});

describe('the delay before the next attempt', () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('is anything up to the doubled base for the quick retries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), unit, (attempt, random) => {
        const delayMs = backoffMs(attempt, policy, random);
        return delayMs >= 0 && delayMs <= 1_000 * 2 ** (attempt - 1);
      }),
    );
  });

  it('doubles, ten percent either way, after them, and stops growing at 15 minutes', () => {
    expect(backoffMs(4, policy, 0.5)).toBe(8_000);
    expect(backoffMs(5, policy, 0.5)).toBe(16_000);
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 5_000 }), unit, (attempt, random) => {
        const base = Math.min(MINUTES_15, 1_000 * 2 ** (attempt - 1));
        const delayMs = backoffMs(attempt, policy, random);
        return delayMs >= Math.floor(base * 0.9) && delayMs <= Math.ceil(base * 1.1);
      }),
    );
  });
});
