import { beforeEach, describe, expect, it } from '@jest/globals';
import { createSeldom } from '../../src/base/seldom.ts';

const EVERY_MS = 30_000;

let nowMs: number;
let seldom: ReturnType<typeof createSeldom>;

beforeEach(() => {
  nowMs = 0;
  seldom = createSeldom(EVERY_MS, () => nowMs);
});

describe('lines that come again and again', () => {
  it('are said at once, then every half minute with how many were withheld', () => {
    const said: unknown[] = [];
    for (; nowMs <= 2 * EVERY_MS; nowMs += 100) {
      const withheld = seldom('refused');
      if (withheld !== null) said.push([nowMs, withheld]);
    }
    expect(said).toEqual([
      [0, 0],
      [EVERY_MS, 299],
      [2 * EVERY_MS, 299],
    ]);
  });

  it('are news where they differ, or come back after a quiet time', () => {
    expect(seldom('refused')).toBe(0);
    expect(seldom('reset')).toBe(0);
    nowMs = 1_000;
    expect(seldom('refused')).toBeNull();
    nowMs = 6_000;
    expect(seldom('refused')).toBe(1);
  });

  it('are not all kept where each is another', () => {
    for (let line = 0; line < 1_000; line += 1) expect(seldom(`job-${line}`)).toBe(0);
    expect(seldom('job-0')).toBe(0);
  });
});
