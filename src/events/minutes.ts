import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';

/** What came of the calls of a minute. */
export interface Minute {
  /** When it began, ms since 1970. */
  readonly at: number;
  /** At most 20,000 of each kind of job. */
  readonly delivered: number;
  readonly failed: number;
  /** How long its last calls took, up to 50 of each kind; null: there was none. */
  readonly medianMs: number | null;
  readonly slowMs: number | null;
}

/** A minute with more is told as one with so many: nobody waits for the rest to be counted. */
const COUNTED_MAX = 20_000;
const TIMED = 50;
const MINUTE_MS = 60_000;

interface MinuteRow extends Minute, Record<string, unknown> {}

/** The minutes that began at `from` or later and before `until`, oldest first; `jobs`: names of jobs. */
export async function readMinutes(
  tx: Transaction,
  jobs: readonly string[],
  from: number,
  until: number,
): Promise<Minute[]> {
  return [...(await tx.execute<MinuteRow>(minutesQuery(jobs, from, until)))];
}

export function minuteOf(at: number): number {
  return Math.floor(at / MINUTE_MS) * MINUTE_MS;
}

/**
 * Counts by the index of types alone, and a bounded number of rows. Each type stands in the statement by itself: of one
 * that came as data a planner knows nothing, and takes the index of times, with all rows of other types.
 */
function minutesQuery(jobs: readonly string[], from: number, until: number): SQL {
  const types = (what: string) => jobs.map((job) => `conexxus.sync.${what}.${job}`);
  const ofType = (type: string) => sql`event_type = ${type}
    and "timestamp" >= minute and "timestamp" < minute + interval '1 minute'`;
  const counted = (what: string) =>
    sql.join(
      types(what).map(
        (type) =>
          sql`(select count(*) from (select from event_log where ${ofType(type)} limit ${COUNTED_MAX}) as row)`,
      ),
      sql` + `,
    );
  const timed = sql.join(
    ['succeeded', 'failed'].flatMap(types).map(
      (type) => sql`(
        select case when jsonb_typeof(payload -> 'durationMs') = 'number' then (payload ->> 'durationMs')::float8 end as ms
        from event_log where ${ofType(type)} order by "timestamp" desc limit ${TIMED})`,
    ),
    sql` union all `,
  );
  return sql`
    select (extract(epoch from minute) * 1000)::float8 as at, (${counted('succeeded')})::int as delivered,
      (${counted('failed')})::int as failed, median as "medianMs", slow as "slowMs"
    from generate_series(${new Date(minuteOf(from)).toISOString()}::timestamptz,
      ${new Date(until - 1).toISOString()}::timestamptz, interval '1 minute') as minute
    cross join lateral (
      select percentile_cont(0.5) within group (order by ms) as median,
        percentile_cont(0.95) within group (order by ms) as slow
      from (${timed}) as timed
    ) as latency
    order by minute`;
}
