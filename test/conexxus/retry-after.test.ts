import { describe, expect, it } from '@jest/globals';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../../src/conexxus/retry-after.ts';

const NOW = Date.UTC(2025, 5, 1, 12, 0, 0);
const HOUR_OFF = 'Sun, 01 Jun 2025 13:00:00 GMT';

describe('Retry-After', () => {
  it.each([
    ['seconds', '7', undefined, 7_000],
    ['seconds with spaces around', ' 7 ', undefined, 7_000],
    ['seconds of a server that divides', '3.0', undefined, 3_000],
    ['a fraction, rounded up', '2.5', undefined, 3_000],
    ['less than a second, rounded up', '0.2', undefined, 1_000],
    ['a fraction above an hour: clamped', '3600.5', undefined, MAX_RETRY_AFTER_MS],
    ['a date, by our clock', 'Sun, 01 Jun 2025 12:00:30 GMT', undefined, 30_000],
    ['a date, by the clock of the answer', 'Sun, 01 Jun 2025 13:00:30 GMT', HOUR_OFF, 30_000],
    [
      'a date, by our clock when the Date of the answer is junk',
      'Sun, 01 Jun 2025 12:00:30 GMT',
      'junk',
      30_000,
    ],
    ['an old-style date', 'Sunday, 01-Jun-25 12:00:30 GMT', undefined, 30_000],
    ['a date as C prints it', 'Sun Jun  1 12:00:30 2025', undefined, 30_000],
    [
      'a date as C prints it, against another',
      'Sun Jun  1 13:00:30 2025',
      'Sun Jun  1 13:00:00 2025',
      30_000,
    ],
    ['a date of a mailer', 'Sun, 1 Jun 2025 12:00:30 +0000', undefined, 30_000],
    ['a date in UTC by that name', 'Sun, 01 Jun 2025 12:00:30 UTC', undefined, 30_000],
    ['an hour', '3600', undefined, MAX_RETRY_AFTER_MS],
    ['a second more than an hour: clamped', '3601', undefined, MAX_RETRY_AFTER_MS],
    ['a year of seconds: clamped', '31536000', undefined, MAX_RETRY_AFTER_MS],
    ['more digits than a number holds: clamped', '9'.repeat(400), undefined, MAX_RETRY_AFTER_MS],
    ['a date in a year: clamped', 'Mon, 01 Jun 2026 12:00:00 GMT', undefined, MAX_RETRY_AFTER_MS],
  ])('takes %s', (_name, retryAfter, date, expected) => {
    const headers = { 'retry-after': retryAfter, ...(date === undefined ? {} : { date }) };
    expect(parseRetryAfter(headers, NOW)).toBe(expected);
  });

  it.each([
    ['nothing', undefined],
    ['an empty value', ''],
    ['zero', '0'],
    ['a negative number', '-5'],
    ['zero as a fraction', '0.0'],
    ['a number with a sign', '+3'],
    ['a number with a parameter', '3;x'],
    ['a number with a unit', '3s'],
    ['a decimal comma', '2,5'],
    ['half a fraction', '3.'],
    ['the other half', '.5'],
    ['an exponent', '3e1'],
    ['a hexadecimal number', '0x10'],
    ['two numbers', '3, 4'],
    ['a quoted number', '"3"'],
    ['a date in another zone', 'Sun, 01 Jun 2025 14:00:30 +0200'],
    ['words', 'soon'],
    ['words with a number', 'soon 2099'],
    ['an ISO date', '2099-01-01T00:00:00Z'],
    ['a date off the calendar', 'Sun, 99 Jun 2025 12:00:30 GMT'],
    ['a date that has passed', 'Sun, 01 Jun 2025 11:59:59 GMT'],
  ])('takes %s for no time at all', (_name, retryAfter) => {
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    expect(parseRetryAfter(headers, NOW)).toBeUndefined();
  });
});
