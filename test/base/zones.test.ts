import { describe, expect, it } from '@jest/globals';
import { zoneProblem } from '../../src/base/zones.ts';

describe('a time zone', () => {
  it.each(['America/Chicago', 'UTC', 'US/Central', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires'])(
    'is %s',
    (name) => {
      expect(zoneProblem(name)).toBeUndefined();
    },
  );

  it.each([
    ['America/Chigaco', 'America/Chicago'],
    ['Chicago', 'America/Chicago'],
    ['america/new york', 'America/New_York'],
    ['Europe/Berln', 'Europe/Berlin'],
  ])('is not %s: it is refused by name, with %s near it', (name, near) => {
    expect(zoneProblem(name)).toContain(name);
    expect(zoneProblem(name)).toContain(near);
  });

  it.each(['', '+05:00', '-06:00', 'Mars/Olympus_Mons', 'x'.repeat(10_000), '\u0000'])(
    'is not %.20p, and nothing is near it',
    (name) => {
      expect(zoneProblem(name)).toContain('is no time zone');
      expect(zoneProblem(name)).not.toContain('did you mean');
    },
  );
});
