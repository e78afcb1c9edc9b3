import { describe, expect, it } from '@jest/globals';
import { createRate } from '../../src/intake/rate.ts';

function aRate(perSecond: number) {
  let now = 50_000;
  const rate = createRate({ perSecond, now: () => now });
  return {
    pass: (ms: number) => {
      now += ms;
    },
    /** How many of so many at once are let through. */
    through: (count: number, name = 'a') =>
      Array.from({ length: count }, () => rate.waitMs(name)).filter((waitMs) => waitMs === 0).length,
    waitMs: (name = 'a') => rate.waitMs(name),
  };
}

describe('the rate of a token', () => {
  it.each([1, 3, 7, 100])('lets %d at once through, and no more', (perSecond) => {
    expect(aRate(perSecond).through(perSecond + 5)).toBe(perSecond);
  });

  it('lets through as many a second as it says, for as long as wanted', () => {
    const rate = aRate(100);
    rate.through(100);
    let count = 0;
    for (let ms = 0; ms < 10_000; ms += 5) {
      rate.pass(5);
      count += rate.through(3);
    }
    expect(count).toBe(1_000);
  });

  it('says how long to wait, and is right', () => {
    const rate = aRate(4);
    rate.through(4);
    expect(rate.waitMs()).toBeCloseTo(250);
    rate.pass(249);
    expect(rate.waitMs()).toBeCloseTo(1);
    rate.pass(1);
    expect(rate.waitMs()).toBe(0);
  });

  it('counts nothing for what it refused', () => {
    const rate = aRate(2);
    rate.through(50);
    rate.pass(1_000);
    expect(rate.through(5)).toBe(2);
  });

  it('is of each token for itself', () => {
    const rate = aRate(2);
    rate.through(5, 'a');
    expect(rate.through(5, 'b')).toBe(2);
  });
});
