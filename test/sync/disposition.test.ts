import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AttemptOutcome,
  backoffMs,
  type Circumstances,
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

const CLOSED: Circumstances = {
  state: 'closed',
  verdict: null,
  waitMs: null,
  attempt: 1,
  deliveredSince: true,
};
const disposed = (outcome: AttemptOutcome, circumstances: Partial<Circumstances> = {}) =>
  dispose(outcome, { ...CLOSED, ...circumstances }, policy, 0.5);

describe('what an outcome does to its job', () => {
  it.each<[AttemptOutcome, ReturnType<typeof dispose>, ReturnType<typeof effectOf>]>([
    ['delivered', { kind: 'complete' }, 'success'],
    ['transient', { kind: 'retry', delayMs: 500 }, 'failure'],
    ['forbidden', { kind: 'retry', delayMs: 500 }, 'failure'],
    ['not_found', { kind: 'retry', delayMs: 500 }, 'failure'],
    ['misconfigured', { kind: 'postpone', delayMs: 1_000 }, 'misconfigured'],
    ['rate_limited', { kind: 'postpone', delayMs: 1_000 }, 'rate-limited'],
    ['rejected', { kind: 'dead-letter' }, 'rejected'],
    ['aborted', { kind: 'hand-back' }, 'ignored'],
    ['unstored', { kind: 'postpone', delayMs: 30_000 }, 'success'],
    ['crashed', { kind: 'dead-letter' }, 'crashed'],
  ])('%s, first attempt, circuit closed', (outcome, disposition, effect) => {
    expect(disposed(outcome)).toEqual(disposition);
    expect(effectOf(outcome)).toBe(effect);
  });

  const FAILURES = ['transient', 'forbidden', 'not_found'] as const;

  it.each(['open', 'half-open'] as const)('a failure while the circuit is %s spends no attempt', (state) => {
    for (const outcome of FAILURES) {
      expect(disposed(outcome, { state, attempt: 10_000 })).toEqual({ kind: 'postpone', delayMs: 1_000 });
    }
  });

  it('a failure of a benched worker spends no attempt', () => {
    for (const outcome of FAILURES) {
      const disposition = disposed(outcome, { verdict: 'benched', attempt: 10_000 });
      expect(disposition).toEqual({ kind: 'postpone', delayMs: 1_000 });
    }
  });

  it('a failure that speaks of its payload alone counts, also while the circuit is half-open', () => {
    for (const outcome of FAILURES) {
      const trial = { state: 'half-open', verdict: 'suspect' } as const;
      expect(disposed(outcome, { ...trial, attempt: 1 })).toEqual({ kind: 'retry', delayMs: 500 });
      expect(disposed(outcome, { ...trial, attempt: 300 })).toEqual({ kind: 'dead-letter' });
    }
  });

  it('a transient failure kills a job only at its last counted attempt', () => {
    expect(disposed('transient', { attempt: 299 }).kind).toBe('retry');
    expect(disposed('transient', { attempt: 300 })).toEqual({ kind: 'dead-letter' });
  });

  it('a lasting 403 or 404 kills its job after fewer attempts, while others are delivered', () => {
    expect(disposed('not_found', { attempt: 9 }).kind).toBe('retry');
    expect(disposed('not_found', { attempt: 10 })).toEqual({ kind: 'dead-letter' });
    expect(disposed('forbidden', { attempt: 10 })).toEqual({ kind: 'dead-letter' });
  });

  it('a 403 or 404 while nothing at all is delivered kills its job no sooner than any failure', () => {
    for (const outcome of ['forbidden', 'not_found'] as const) {
      expect(disposed(outcome, { attempt: 299, deliveredSince: false }).kind).toBe('retry');
      expect(disposed(outcome, { attempt: 300, deliveredSince: false })).toEqual({ kind: 'dead-letter' });
    }
  });

  it('a job that is rate limited with all others leaves the head, and the pause holds it back', () => {
    const disposition = disposed('rate_limited', { waitMs: 3_600_000, attempt: 10_000 });
    expect(disposition).toEqual({ kind: 'postpone', delayMs: 1_000 });
  });

  it('a job that is rate limited alone waits as long as it was told, and spends no attempt', () => {
    const disposition = disposed('rate_limited', { verdict: 'alone', waitMs: 7_000, attempt: 10_000 });
    expect(disposition).toEqual({ kind: 'postpone', delayMs: 7_000 });
  });

  it('what our own code throws buries no job of a benched worker, nor while the circuit is open', () => {
    expect(disposed('crashed', { verdict: 'benched' })).toEqual({ kind: 'postpone', delayMs: 1_000 });
    expect(disposed('crashed', { state: 'open' })).toEqual({ kind: 'postpone', delayMs: 1_000 });
    expect(disposed('crashed', { state: 'half-open' })).toEqual({ kind: 'dead-letter' });
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
