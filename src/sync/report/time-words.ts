/** Milliseconds of one clock to `in 40 s`, `3 min ago` or `now`. */
export function fromNow(at: number, now: number): string {
  const seconds = Math.round(Math.abs(at - now) / 1_000);
  if (seconds === 0) return 'now';
  const far = spanOf(seconds);
  return at > now ? `in ${far}` : `${far} ago`;
}

/** `40 s`, `3 min` */
export function span(ms: number): string {
  return spanOf(Math.round(ms / 1_000));
}

/** `2026-01-31 14:30:00 UTC` */
export function instant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function spanOf(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
