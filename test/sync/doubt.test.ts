import { describe, expect, it } from '@jest/globals';
import type { FinishedAttempt } from '../../src/sync/attempt.ts';
import { type Doubt, staysInDoubt, weigh } from '../../src/sync/doubt.ts';

const DUPLICATE: FinishedAttempt = {
  outcome: 'delivered',
  attempt: 2,
  durationMs: 5,
  httpStatus: 409,
  duplicate: true,
};
const failed = (httpStatus?: number): FinishedAttempt => ({
  outcome: 'transient',
  attempt: 1,
  durationMs: 5,
  httpStatus,
  error: { code: 'any', message: 'any' },
});

describe('a 409', () => {
  it('is a duplicate at once where no try of the payload is in doubt', () => {
    expect(weigh(DUPLICATE, null)).toEqual({ attempt: DUPLICATE });
  });

  it('after a try in doubt is asked again after 5 s, 30 s and 2 min, and then believed', () => {
    const waits: unknown[] = [];
    let doubt = weigh(failed(), null).doubt ?? null;
    for (let i = 0; i < 3; i += 1) {
      const weighed = weigh(DUPLICATE, doubt);
      expect(weighed.attempt).toMatchObject({ outcome: 'in_doubt', httpStatus: 409 });
      expect(weighed.attempt.duplicate).toBeUndefined();
      waits.push(weighed.askAgainMs);
      doubt = weighed.doubt ?? null;
    }
    expect(waits).toEqual([5_000, 30_000, 120_000]);
    expect(weigh(DUPLICATE, doubt)).toEqual({ attempt: DUPLICATE });
  });

  it('to a call that went out twice is in doubt: what came of the first time was never heard', () => {
    const weighed = weigh({ ...DUPLICATE, resent: true }, null);
    expect(weighed).toMatchObject({ attempt: { outcome: 'in_doubt' }, doubt: 1, askAgainMs: 5_000 });
  });
});

describe('a try', () => {
  it.each([
    ['without an answer', failed()],
    ['with a success that can’t be read', failed(200)],
    ['that a gateway gave up', failed(504)],
    ['cut off by our own shutdown', { ...failed(), outcome: 'aborted' as const }],
    ['in which our own code threw', { ...failed(), outcome: 'crashed' as const }],
  ])('%s leaves doubt, and counts from anew', (_, attempt) => {
    expect(weigh(attempt, null)).toEqual({ attempt, doubt: 0 });
    expect(weigh(attempt, 2)).toEqual({ attempt, doubt: 0 });
  });

  it.each([
    ['refused', { ...failed(422), outcome: 'rejected' as const }],
    ['answered with an error of the API itself', failed(500)],
    ['delivered', { ...DUPLICATE, httpStatus: 200, duplicate: false }],
  ])('%s changes no doubt', (_, attempt) => {
    expect(weigh(attempt, 1)).toEqual({ attempt });
  });
});

describe('a payload', () => {
  const stays = (attempt: FinishedAttempt, earlier: Doubt) => staysInDoubt(weigh(attempt, earlier), earlier);

  it('is in doubt from its first try without a known end on, whatever is answered later', () => {
    expect(stays(failed(500), null)).toBe(false);
    expect(stays(failed(), null)).toBe(true);
    expect(stays(failed(500), 0)).toBe(true);
    expect(stays({ ...failed(422), outcome: 'rejected' }, 0)).toBe(true);
    expect(stays(DUPLICATE, 0)).toBe(true);
  });

  it('is so no more once it is delivered', () => {
    expect(stays(DUPLICATE, 3)).toBe(false);
    expect(stays({ ...DUPLICATE, httpStatus: 200, duplicate: false }, 0)).toBe(false);
  });
});
