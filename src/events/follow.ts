import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { conditionOf, type EventFilter } from './browse.ts';
import { LOGGED_COLUMNS, type LoggedEvent, type LoggedRow, loggedEvent } from './logged-event.ts';

export interface Follower {
  /** To be called first: what is written from now on is new. */
  begin(tx: Transaction): Promise<void>;
  /** These were given by somebody else meanwhile. */
  skip(events: readonly LoggedEvent[]): void;
  /** Rows that were not given before, oldest first; `more`: there are more already. */
  look(tx: Transaction): Promise<{ readonly events: readonly LoggedEvent[]; readonly more: boolean }>;
}

export interface FollowerLimits {
  /** How much later than its time says a row may be written, and is given still; default ten minutes. */
  readonly lateMaxMs?: number;
  /** Ids that are kept in mind at most; default 100,000. Beyond them, rows may be as late as the oldest of these. */
  readonly rememberedMax?: number;
}

// Drizzle wants an index in what it gives.
type FoundRow = LoggedRow & Clock & { readonly time: string };

type SeenRow = Clock & { readonly id: string | null; readonly at: number };

/** Where Postgres is: the transactions that its snapshot sees, and its time in ms. */
type Clock = Record<string, unknown> & { readonly xmin: string; readonly xmax: string; readonly now: number };

/** Where a look goes on: in the order of time, through what was there when the first one of its pass began. */
interface Pass extends Place {
  readonly floor: bigint;
  readonly beganAt: number;
}

interface Place {
  readonly time: string;
  readonly id: string;
}

const PAGE = 500;
const LATE_MAX_MS = 10 * 60_000;
const REMEMBERED_MAX = 100_000;
/** No id is less. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * Gives each new row once, although rows are not written in the order of their times: an outage of Postgres, or a
 * writer that died, may bring them minutes late, and transactions that began earlier may commit later.
 *
 * A look goes again over the rows of the last ten minutes, and takes those that were written by transactions
 * which the pass before could not see (its `xmin`: all before it had ended); of these it leaves out what it gave
 * already. So it reads few rows again, and misses none but what comes later than that. While nobody can look, the
 * ten minutes stand still.
 */
export function createFollower(filter: EventFilter, limits: FollowerLimits = {}): Follower {
  const { lateMaxMs = LATE_MAX_MS, rememberedMax = REMEMBERED_MAX } = limits;
  /** Id to time, in the order in which they were given. */
  const given = new Map<string, number>();
  let low = 0;
  let floor = 0n;
  let pass: Pass | undefined;

  function remember(events: readonly LoggedEvent[]): void {
    for (const { id, at } of events) given.set(id, at.getTime());
    for (const [id, at] of given) {
      if (at >= low && given.size <= rememberedMax) break;
      given.delete(id);
      low = Math.max(low, at);
    }
  }

  function end({ floor: begun, beganAt }: Pick<Pass, 'floor' | 'beganAt'>, xmax: string): void {
    // A server that counts from further back is another one, or was restored: all of its rows may be new.
    floor = BigInt(xmax) < floor ? 0n : begun;
    low = Math.max(low, beganAt - lateMaxMs);
    pass = undefined;
  }

  return {
    async begin(tx) {
      const rows = await tx.execute<SeenRow>(seenQuery(filter, lateMaxMs));
      const [clock] = rows;
      if (clock === undefined) return;
      end({ floor: BigInt(clock.xmin), beganAt: clock.now }, clock.xmax);
      for (const { id, at } of rows) if (id !== null) given.set(id, at);
    },
    skip: remember,
    async look(tx) {
      const place = pass ?? { time: new Date(low).toISOString(), id: BEFORE_ALL };
      const rows = await tx.execute<FoundRow>(newsQuery(filter, place, floor));
      const [clock] = rows;
      if (clock === undefined) return { events: [], more: false };
      const begun = pass ?? { floor: BigInt(clock.xmin), beganAt: clock.now };
      const found = rows.filter(({ id }) => id !== null);
      const last = found.length < PAGE ? undefined : found.at(-1);
      const events = found.filter(({ id }) => !given.has(id)).map(loggedEvent);
      if (last === undefined) end(begun, clock.xmax);
      else pass = { ...begun, time: last.time, id: last.id };
      remember(events);
      return { events, more: last !== undefined };
    },
  };
}

const SNAPSHOT = sql`(select pg_current_snapshot() as seen) as snapshot`;
const CLOCK = sql`pg_snapshot_xmin(seen)::text as xmin, pg_snapshot_xmax(seen)::text as xmax,
  floor(extract(epoch from now()) * 1000)::float8 as now`;

/**
 * What is there at the beginning, and will look new: written by transactions that are no older than the oldest one
 * that is still open, anywhere in this server.
 */
function seenQuery(filter: EventFilter, lateMaxMs: number): SQL {
  return sql`
    select ${CLOCK}, seen_before.* from ${SNAPSHOT} left join lateral (
      select id, floor(extract(epoch from "timestamp") * 1000)::float8 as at from event_log
      where ${conditionOf(filter)} and "timestamp" >= now() - ${lateMaxMs} * interval '1 ms'
        and ${isBehind(sql`pg_snapshot_xmin(seen)::text::bigint % 4294967296`)}
    ) as seen_before on true`;
}

/**
 * A row has the lower half of the number of its transaction: whether it is at or behind `floor` is told by their
 * difference, as numbers of 32 bits that wrap around.
 */
function isBehind(floor: SQL): SQL {
  return sql`(4294967296 + event_log.xmin::text::bigint - ${floor}) % 4294967296 < 2147483648`;
}

/** Also for whoever looks at its plan. */
export function newsQuery(filter: EventFilter, { time, id }: Place, floor: bigint): SQL {
  const isNew = floor === 0n ? sql`true` : isBehind(sql`${String(floor % 4_294_967_296n)}::bigint`);
  return sql`
    select ${CLOCK}, news.* from ${SNAPSHOT} left join lateral (
      select ${LOGGED_COLUMNS}, "timestamp"::text as time from event_log
      where ${conditionOf(filter)} and "timestamp" >= ${time}::timestamptz
        and ("timestamp", id) > (${time}::timestamptz, ${id}::uuid) and ${isNew}
      order by "timestamp", id limit ${PAGE}
    ) as news on true
    order by news.at, news.id`;
}
