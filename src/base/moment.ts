import * as z from 'zod';

/** A point in time as a person gave it: itself, or so long before or after now. */
export type Moment = { readonly at: number } | { readonly spanMs: number };

export const MOMENT_WORDS =
  'a time with its offset, like 2026-01-31T14:30:00-06:00, or a duration, like 30m or 2h';

const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000];
const SPAN = /^(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?$/;
const OFFSET_TIME = z.iso.datetime({ offset: true });

/** `2026-01-31T14:30:00-06:00`, `30m`, `1h30m`, `2d`; undefined: it is none. */
export function readMoment(value: string): Moment | undefined {
  const units = SPAN.exec(value)?.slice(1) ?? [];
  const spanMs = units.reduce((sum, count, unit) => sum + Number(count ?? 0) * (UNITS_MS[unit] ?? 0), 0);
  if (spanMs > 0) return { spanMs };
  return OFFSET_TIME.safeParse(value).success ? { at: Date.parse(value) } : undefined;
}

/** A duration counts back from now. */
export function timeAgo(moment: Moment): number {
  return 'at' in moment ? moment.at : Date.now() - moment.spanMs;
}
