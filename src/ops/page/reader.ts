import type { Redis } from 'ioredis';
import type { Database } from '../../base/database.ts';
import type { Logger } from '../../base/logger.ts';
import { within } from '../../base/shared.ts';
import type { LoggedEvent } from '../../events/logged-event.ts';
import { type Minute, minuteOf, readMinutes } from '../../events/minutes.ts';
import { readActs, readMoves, readOutcomes } from '../../events/recent.ts';
import { readUnwritten, type Unwritten } from '../../events/unwritten.ts';
import { type Report, readReport } from '../../outbox/counts.ts';
import { createReasonsReader, type NewestReasons } from '../../sync/dead-letters/newest-reasons.ts';
import { JOB_NAMES } from '../../sync/jobs/jobs.ts';
import { type Backlog, createBacklogReader } from '../../sync/report/backlog.ts';
import { createStoresReader, type StoresInTurn } from '../../sync/report/stores-in-turn.ts';
import type { Alerts, ProblemAtAGlance } from '../alerts/alerts.ts';
import type { FleetReader, FleetSeen } from '../fleet-reader.ts';
import { createPacemaker, type Pace } from './pace.ts';
import { createPart, type Part, type Reading } from './reading.ts';

export interface FleetNow extends FleetSeen {
  /** Who paused the queue, where a person did. */
  readonly pauser: string | null;
}

interface Values {
  readonly fleet: FleetNow;
  readonly backlog: Backlog;
  readonly deadLetters: NewestReasons;
  readonly stores: StoresInTurn;
  /** Null: no relay has told anything within a day. */
  readonly outbox: (Report & { readonly agoMs: number }) | null;
  readonly unwritten: Unwritten;
  readonly moves: readonly LoggedEvent[];
  readonly outcomes: readonly LoggedEvent[];
  readonly acts: readonly LoggedEvent[];
  readonly minutes: readonly Minute[];
}

type PartName = keyof Values;

/** All that the page shows, each part with its own age and its own failure. */
export type Seen = { readonly [Name in PartName]: Reading<Values[Name]> } & {
  /** Redis's clock, as far as it is known. */
  readonly now: number;
  readonly pace: Pace | null;
  /** What alerts find wrong. */
  readonly problems: readonly ProblemAtAGlance[];
  /** When the queue was last seen paused, by Redis's clock; 0: it was not while anybody looked. */
  readonly pausedAt: number;
};

export interface ReaderDeps {
  readonly redis: Redis;
  readonly namespace: string;
  readonly fleet: FleetReader;
  readonly alerts: Pick<Alerts, 'problems'>;
  readonly pauser: () => Promise<string | null>;
  readonly database: Pick<Database, 'read'>;
  readonly logger: Logger;
}

export interface Reader {
  /** What is to be seen now: all who ask within a second have the same. Never rejects, and takes a second at most. */
  look(): Promise<Seen>;
}

const LOOK_EVERY_MS = 1_000;
/** Nobody waits longer for a page; what comes later is on the next one, all the more where it was read a moment ago. */
const PATIENCE_MS = 1_000;
const PATIENCE_WITH_KNOWN_MS = 50;
const MOMENT_MS = 8_000;
/** A little less than two looks. */
const COUNT_EVERY_MS = 1_900;
const SELDOM_MS = 5_000;
/** Rows reach Postgres every second, and nobody reads faster than this. */
const LOG_MS = 2_000;
const MOVES = 60;
const OUTCOMES = 12;
const ACTS = 8;

/**
 * Asks Redis and Postgres while somebody looks, and not at all otherwise. However many look, at most 20 commands a second
 * reach Redis, those within scripts included, as long as who is next in turn and who is dead stay the same.
 */
export function createReader(deps: ReaderDeps): Reader {
  const parts = createParts(deps);
  const measure = createPacemaker();
  let last: Promise<Seen> | undefined;
  let begunAt = Number.NEGATIVE_INFINITY;
  let pausedAt = 0;

  async function run(): Promise<Seen> {
    await Promise.all(
      Object.values(parts).map((part) => within(patienceFor(part), part.refresh(), undefined)),
    );
    const readings = readingsOf(parts);
    const { value, at } = readings.fleet;
    const now = value === null ? Date.now() : value.now + (Date.now() - at);
    if (value !== null && value.report.pausedBy.length > 0) pausedAt = value.now;
    return { ...readings, now, pace: paceOf(readings), problems: deps.alerts.problems(), pausedAt };
  }

  function paceOf({ fleet, backlog, outbox }: ReturnType<typeof readingsOf>): Pace | null {
    if (fleet.value === null || backlog.value === null || fleet.failure !== null) return null;
    const { totals } = fleet.value.report;
    return measure({
      now: backlog.value.now,
      successes: totals.successes,
      failures: totals.failures,
      waiting: toSendOf(backlog.value, outbox.value),
    });
  }

  return {
    look() {
      if (last === undefined || performance.now() - begunAt >= LOOK_EVERY_MS) {
        begunAt = performance.now();
        last = run();
      }
      return last;
    },
  };
}

/** Sales of the outbox that no job has yet, and jobs of the queue. */
export function toSendOf({ jobs }: Backlog, outbox: Values['outbox']): number {
  const inOutbox = outbox === null ? 0 : outbox.total.waiting + outbox.relay.untaken;
  return jobs.waiting + jobs.delayed + jobs.active + inOutbox;
}

type Parts = { readonly [Name in PartName]: Part<Values[Name]> };

function readingsOf(parts: Parts) {
  return {
    fleet: parts.fleet.reading(),
    backlog: parts.backlog.reading(),
    deadLetters: parts.deadLetters.reading(),
    stores: parts.stores.reading(),
    outbox: parts.outbox.reading(),
    unwritten: parts.unwritten.reading(),
    moves: parts.moves.reading(),
    outcomes: parts.outcomes.reading(),
    acts: parts.acts.reading(),
    minutes: parts.minutes.reading(),
  };
}

function patienceFor(part: Part<unknown>): number {
  const { value, at } = part.reading();
  return value !== null && Date.now() - at < MOMENT_MS ? PATIENCE_WITH_KNOWN_MS : PATIENCE_MS;
}

class RedisAwayError extends Error {}

function createParts({ redis, namespace, fleet, pauser, database, logger }: ReaderDeps): Parts {
  const part = <Value>(name: PartName, everyMs: number, read: () => Promise<Value>): Part<Value> =>
    createPart({
      read,
      everyMs,
      onFailure: (err) => {
        if (!(err instanceof RedisAwayError))
          logger.warn({ err, part: name }, 'a part of the page cannot be read');
      },
    });
  const ofRedis = <Value>(name: PartName, everyMs: number, read: () => Promise<Value>) =>
    part(name, everyMs, async () => {
      // Else each would wait for its connection by itself.
      if (redis.status !== 'ready') throw new RedisAwayError('no connection to Redis');
      return read();
    });
  const minutes = createMinuteReader(database);
  return {
    fleet: ofRedis('fleet', LOOK_EVERY_MS, async () => {
      const seen = await fleet.look();
      return { ...seen, pauser: seen.report.pausedBy.includes('operator') ? await pauser() : null };
    }),
    backlog: ofRedis('backlog', COUNT_EVERY_MS, createBacklogReader(redis, namespace)),
    deadLetters: ofRedis('deadLetters', SELDOM_MS, createReasonsReader(redis, namespace)),
    stores: ofRedis('stores', SELDOM_MS, createStoresReader(redis, namespace)),
    outbox: ofRedis('outbox', SELDOM_MS, () => readReport(redis, namespace)),
    unwritten: ofRedis('unwritten', SELDOM_MS, () => readUnwritten(redis, namespace)),
    moves: part('moves', LOG_MS, () => database.read((tx) => readMoves(tx, MOVES))),
    outcomes: part('outcomes', LOG_MS, () => database.read((tx) => readOutcomes(tx, OUTCOMES))),
    acts: part('acts', LOG_MS, () => database.read((tx) => readActs(tx, ACTS))),
    minutes: part('minutes', SELDOM_MS, minutes),
  };
}

const HOUR_MS = 3_600_000;
/** Rows of an outage of Postgres come late: the whole hour is read again from time to time. */
const WHOLE_HOUR_EVERY_MS = 300_000;
const LATE_MS = 120_000;

/** An hour of minutes up to this one: what is over is not counted each time. */
function createMinuteReader(database: Pick<Database, 'read'>): () => Promise<readonly Minute[]> {
  let kept: readonly Minute[] = [];
  let wholeAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const now = Date.now();
    const first = minuteOf(now - HOUR_MS) + 60_000;
    const isWhole = now - wholeAt >= WHOLE_HOUR_EVERY_MS;
    const from = isWhole ? first : Math.max(first, (kept.at(-1)?.at ?? first) - LATE_MS);
    const fresh = await database.read((tx) => readMinutes(tx, JOB_NAMES, from, now));
    kept = [...kept.filter(({ at }) => first <= at && at < from), ...fresh];
    if (isWhole) wholeAt = now;
    return kept;
  };
}
