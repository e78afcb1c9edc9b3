import type { PageStand } from './stand.ts';

const OUTAGES = [
  { startedHoursAgo: 21, minutes: 14 },
  { startedHoursAgo: 9, minutes: 47 },
];

/** An hour of sales, two outages of the last day and a catalog, as rows of the event log. */
export async function writePast({ database: { sql } }: PageStand): Promise<void> {
  await sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, dedupe_key)
    select case when failed then 'conexxus.sync.failed.push_sales' else 'conexxus.sync.succeeded.push_sales' end,
      'past-' || minute || '-' || n, 'store-' || (101 + n % 12),
      now() - make_interval(mins => minute, secs => 60.0 * n / 90),
      jsonb_build_object('operation', 'push_sales', 'outcome', case when failed then 'transient' else 'delivered' end,
        'attempt', 1, 'worker', 'till-1', 'durationMs', round(45 + 30 * abs(sin(minute / 4.0)) + (n * 37 % 100) * 0.9)),
      'past-' || minute || '-' || n
    from generate_series(1, 60) as minute
    cross join lateral (select n, n = 5 and minute % 11 = 0 as failed
      from generate_series(1, (55 + 25 * sin(minute / 7.0))::int) as n) as row`;
  await sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, dedupe_key)
    values ('conexxus.sync.succeeded.fetch_inventory', 'past-catalog', 'store-101', now() - interval '50 minutes',
      '{"outcome": "delivered", "attempt": 1, "worker": "till-1", "durationMs": 412}', 'past-catalog')`;
  for (const { startedHoursAgo, minutes } of OUTAGES) {
    await sql`
      insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
      select 'conexxus.circuit.' || kind, 'circuit', now() - make_interval(hours => ${startedHoursAgo}) + after,
        jsonb_build_object('cause', cause), 'past-' || kind || ${String(startedHoursAgo)}
      from (values ('opened', 'streak', interval '0'), ('closed', 'recovered', make_interval(mins => ${minutes})))
        as move (kind, cause, after)`;
  }
}

/** As if all that was logged, and all that the circuit knows, had been so much earlier. What waits is as old as it was made. */
export async function letTimePass(stand: PageStand, ms: number): Promise<void> {
  const { database, redis, namespace } = stand;
  await database.sql`update event_log set "timestamp" = "timestamp" - make_interval(secs => ${ms / 1_000})`;
  const key = `{${namespace}}:circuit`;
  const fields = Object.entries(await redis.hgetall(key));
  await redis.hset(
    key,
    Object.fromEntries(fields.map(([field, value]) => [field, earlier(field, value, ms)])),
  );
  await stand.restartDashboard();
}

/** The moments of the circuit's hash, of which the last calls of a worker are one: `…;calls:failures;at:job`. */
function earlier(field: string, value: string, ms: number): string {
  const shifted = (at: string) => String(Number(at) - ms);
  if (field === 'since' || field === 'downSince') return shifted(value);
  if (field === 'lastFailure') return value.replace(/^\d+/, shifted);
  return field.startsWith('calls:') ? value.replace(/(?<=;\d+:\d+;)\d+/, shifted) : value;
}
