import { Temporal } from 'temporal-polyfill';

export const SCHEDULED_JOBS = ['fetch_inventory', 'end_of_day'] as const;
export type ScheduledJob = (typeof SCHEDULED_JOBS)[number];

/** What is to be done for a store. */
export interface Schedule {
  readonly locationId: string;
  readonly job: ScheduledJob;
  /** IANA name. */
  readonly zone: string;
  /** HH:MM by the store's clock, once for each of its dates; null: every hour. */
  readonly at: string | null;
}

/** When it is to be done. */
export interface Run {
  /** Epoch ms. */
  readonly atMs: number;
  /** The store's date that it is the run of; null: hourly. */
  readonly date: string | null;
}

const HOUR_MS = 3_600_000;
const NOON = '12:00';

/** The first one after `nowMs`; of an hourly one `minute` says when in the hour. */
export function firstRun({ zone, at }: Schedule, nowMs: number, minute: number): Run {
  if (at === null) return { atMs: hourlyAfter(minute * 60_000, nowMs), date: null };
  const today = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(zone).toPlainDate();
  const run = runOn(today, at, zone);
  return run.atMs > nowMs ? run : runOn(today.add({ days: 1 }), at, zone);
}

/**
 * The one that follows a run that was done. Hourly ones that were missed are not made good: the newest catalog is all
 * that anybody wants. Of a day that was missed the end comes late, and comes.
 */
export function runAfter({ zone, at }: Schedule, run: Run, nowMs: number): Run {
  if (at === null || run.date === null) return { atMs: hourlyAfter(run.atMs, nowMs), date: null };
  return runOn(Temporal.PlainDate.from(run.date).add({ days: 1 }), at, zone);
}

/** The next runs as they would follow each other from `run` on. */
export function nextRuns(schedule: Schedule, run: Run, count: number): readonly Run[] {
  const runs = [run];
  for (let last = run; runs.length < count; runs.push(last)) last = runAfter(schedule, last, last.atMs);
  return runs;
}

/** In real hours, whatever the clocks of the store do meanwhile. */
function hourlyAfter(runMs: number, nowMs: number): number {
  return runMs + (Math.floor((nowMs - runMs) / HOUR_MS) + 1) * HOUR_MS;
}

/** Where the clocks leave that time out, as much later as they are put forward; where they have it twice, the first time. */
function runOn(date: Temporal.PlainDate, at: string, zone: string): Run {
  const moment = date.toZonedDateTime({ timeZone: zone, plainTime: at });
  return { atMs: moment.epochMilliseconds, date: date.toString() };
}

/** The business date that a run of that date ends: before noon, the one that began the day before. */
export function businessDate(date: string, at: string): string {
  const day = Temporal.PlainDate.from(date);
  return (at < NOON ? day.subtract({ days: 1 }) : day).toString();
}

/** `2026-03-08 03:30 -05:00`, by the store's clock. */
export function storeTime({ atMs }: Run, zone: string): string {
  const moment = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(zone);
  return `${moment.toPlainDate().toString()} ${moment.toPlainTime().toString({ smallestUnit: 'minute' })} ${moment.offset}`;
}
