import { describe, expect, it } from '@jest/globals';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from '../../src/conexxus/retry-after.ts';

const NOW = Date.UTC(2025, 5, 1, 12, 0, 0);
const HOUR_OFF = 'Sun, 01 Jun 2025 13:00:00 GMT';

describe('Retry-After', () => {
  it.each([
    ['seconds', '7', undefined, 7_000],
    ['seconds with spaces around', ' 7 ', undefined, 7_000],
    ['a date, by our clock', 'Sun, 01 Jun 2025 12:00:30 GMT', undefined, 30_000],
    ['a date, by the clock of the answer', 'Sun, 01 Jun 2025 13:00:30 GMT', HOUR_OFF, 30_000],
    [
      'a date, by our clock when the Date of the answer is junk',
      'Sun, 01 Jun 2025 12:00:30 GMT',
      'junk',
      30_000,
    ],
    ['an old-style date', 'Sunday, 01-Jun-25 12:00:30 GMT', undefined, 30_000],
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
    ['a fraction', '1.5'],
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
