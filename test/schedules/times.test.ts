import { describe, expect, it } from '@jest/globals';
import { businessDate, firstRun, nextRuns, type Schedule, storeTime } from '../../src/schedules/times.ts';

const CHICAGO = 'America/Chicago';
const hourly = (zone = CHICAGO): Schedule => ({ locationId: 's', job: 'fetch_inventory', zone, at: null });
const daily = (at: string, zone = CHICAGO): Schedule => ({ locationId: 's', job: 'end_of_day', zone, at });

/** The first run after then and those that follow, by the store's clock. */
function runs(schedule: Schedule, after: string, count: number): string[] {
  const first = firstRun(schedule, Date.parse(after), 30);
  return nextRuns(schedule, first, count).map((run) => storeTime(run, schedule.zone));
}

describe('hourly, on the night', () => {
  it('in spring, when an hour is missing: once for each real hour', () => {
    expect(runs(hourly(), '2026-03-08T06:40:00Z', 4)).toEqual([
      '2026-03-08 01:30 -06:00',
      '2026-03-08 03:30 -05:00',
      '2026-03-08 04:30 -05:00',
      '2026-03-08 05:30 -05:00',
    ]);
  });

  it('in autumn, when an hour comes twice: once for each real hour', () => {
    expect(runs(hourly(), '2026-11-01T05:40:00Z', 4)).toEqual([
      '2026-11-01 01:30 -05:00',
      '2026-11-01 01:30 -06:00',
      '2026-11-01 02:30 -06:00',
      '2026-11-01 03:30 -06:00',
    ]);
  });
});

describe('daily, on the night', () => {
  it('in spring, at a time that is missing: once for each date, an hour later on that one', () => {
    expect(runs(daily('02:30'), '2026-03-07T00:00:00Z', 3)).toEqual([
      '2026-03-07 02:30 -06:00',
      '2026-03-08 03:30 -05:00',
      '2026-03-09 02:30 -05:00',
    ]);
  });

  it('in autumn, at a time that comes twice: once for each date, the first time', () => {
    expect(runs(daily('01:30'), '2026-10-31T00:00:00Z', 3)).toEqual([
      '2026-10-31 01:30 -05:00',
      '2026-11-01 01:30 -05:00',
      '2026-11-02 01:30 -06:00',
    ]);
  });

  it('in autumn, set between the two: not again on that date', () => {
    expect(runs(daily('01:30'), '2026-11-01T06:45:00Z', 1)).toEqual(['2026-11-02 01:30 -06:00']);
  });

  it.each([
    // At midnight the clocks go forward to one o'clock.
    ['Africa/Cairo', '2026-04-23T12:00:00Z', ['2026-04-24 01:00 +03:00', '2026-04-25 00:00 +03:00']],
    // And at midnight back to eleven of the day before.
    ['Africa/Cairo', '2026-10-29T12:00:00Z', ['2026-10-30 00:00 +02:00', '2026-10-31 00:00 +02:00']],
    ['America/Santiago', '2026-09-05T12:00:00Z', ['2026-09-06 01:00 -03:00', '2026-09-07 00:00 -03:00']],
    ['America/Havana', '2026-03-07T12:00:00Z', ['2026-03-08 01:00 -04:00', '2026-03-09 00:00 -04:00']],
    ['America/Havana', '2026-10-31T12:00:00Z', ['2026-11-01 00:00 -04:00', '2026-11-02 00:00 -05:00']],
    ['Australia/Lord_Howe', '2026-04-04T00:00:00Z', ['2026-04-05 00:00 +11:00', '2026-04-06 00:00 +10:30']],
  ])('in %s after %s, whose clocks change otherwise: once for each date', (zone, after, expected) => {
    expect(runs(daily('00:00', zone), after, 2)).toEqual(expected);
  });

  it('that ends a day: in the evening its own, before noon the one before', () => {
    expect(businessDate('2026-03-01', '23:30')).toBe('2026-03-01');
    expect(businessDate('2026-03-01', '12:00')).toBe('2026-03-01');
    expect(businessDate('2026-03-01', '04:00')).toBe('2026-02-28');
    expect(businessDate('2026-01-01', '00:00')).toBe('2025-12-31');
  });
});
