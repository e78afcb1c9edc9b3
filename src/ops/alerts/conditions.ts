import type { FleetView } from '../../sync/report/fleet.ts';
import type { Kind } from './kinds.ts';
import type { Seen } from './look.ts';
import * as texts from './texts.ts';

/** Something that is wrong now. */
export interface Condition {
  readonly kind: Kind;
  /** Of its cause: as long as an incident with this key is open, it is the same one. */
  readonly key: string;
  /** Clock of this process, ms; null: it does not say since when. */
  readonly since: number | null;
  /** It has to last so long before it is told. */
  readonly afterMs: number;
  /** What is wrong, in a sentence that stands by itself. */
  readonly problem: string;
  /** What to know and to do. */
  readonly advice: string;
}

export interface Limits {
  readonly backlogAgeMs: number;
  /** Where no worker ever told what it goes by. */
  readonly eventBacklogMax: number;
  readonly noWorkerMs: number;
  readonly stallMs: number;
  readonly relaySilentMs: number;
  readonly redisAwayMs: number;
  readonly postgresAwayMs: number;
  readonly catalogAgeMs: number;
}

/** What of the queue tells that work goes on. Another mark: something was done. */
export interface Work {
  /** Jobs are due or under way, workers are alive, and nothing keeps the queue from running. */
  readonly isDue: boolean;
  readonly mark: string;
}

/** What cannot be judged, since what it is read from did not answer; it may hold or not. */
export function unknownKinds({ fleet, backlog, unwritten, outbox, catalogAt }: Seen): ReadonlySet<Kind> {
  const none: readonly Kind[] = [];
  return new Set<Kind>([
    ...(fleet === null ? (['circuit', 'misconfigured', 'benched', 'suspect', 'no-worker'] as const) : none),
    ...(fleet === null || backlog === null ? (['backlog', 'nothing-completes'] as const) : none),
    ...(unwritten === null ? (['events-50', 'events-90'] as const) : none),
    ...(outbox === null ? (['outbox-backlog', 'relay-silent'] as const) : none),
    ...(catalogAt === null ? (['no-catalog'] as const) : none),
  ]);
}

/** Pure. All but dead letters and what is known only over several looks. */
export function conditionsOf(seen: Seen, limits: Limits): Condition[] {
  return [
    ...ofServers(seen, limits),
    ...(seen.fleet === null ? [] : ofFleet(seen.fleet, seen, limits)),
    ...ofBacklog(seen, limits),
    ...ofEvents(seen, limits),
    ...ofOutbox(seen, limits),
    ...ofCatalog(seen, limits),
  ];
}

function ofServers({ redis, postgres }: Seen, { redisAwayMs, postgresAwayMs }: Limits): Condition[] {
  return [
    ...(redis.ok ? [] : [condition('redis', null, redisAwayMs, texts.redisAway(redis.reason))]),
    ...(postgres.ok
      ? []
      : [condition('postgres', null, postgresAwayMs, texts.postgresAway(postgres.reason))]),
  ];
}

function ofFleet(fleet: FleetView, { at }: Seen, { noWorkerMs }: Limits): Condition[] {
  const { report, workers, now } = fleet;
  const { outage, suspect, benched, isAnyoneAlive } = report;
  // From Redis's clock to ours.
  const ours = (time: number) => Math.min(at, time - now + at);
  const isMisconfigured = report.state !== 'closed' && report.cause === 'misconfigured';
  const since = ours(outage?.since ?? report.since);
  return [
    ...(outage !== null && outage.cause !== 'misconfigured'
      ? [condition('circuit', since, 0, texts.circuitOpen(report, now))]
      : []),
    ...(outage?.cause === 'misconfigured' || isMisconfigured
      ? [condition('misconfigured', since, 0, texts.misconfigured(report))]
      : []),
    ...benched.map((bench) => ({
      ...condition('benched', ours(bench.since), 0, texts.benched(bench, now)),
      // Its name stays through restarts.
      key: `benched:${bench.worker}`,
    })),
    ...(suspect === null ? [] : [condition('suspect', ours(suspect.since), 0, texts.suspected(suspect))]),
    ...(isAnyoneAlive ? [] : [condition('no-worker', null, noWorkerMs, texts.noWorker(workers))]),
  ];
}

function ofBacklog({ at, fleet, backlog }: Seen, { backlogAgeMs }: Limits): Condition[] {
  if (fleet === null || backlog === null || backlog.oldestDueSince === null) return [];
  const ageMs = backlog.now - backlog.oldestDueSince;
  if (ageMs < backlogAgeMs) return [];
  return [condition('backlog', at - ageMs, 0, texts.oldBacklog(fleet.report, backlog))];
}

function ofEvents({ unwritten, fleet }: Seen, limits: Limits): Condition[] {
  if (unwritten === null) return [];
  // What the workers go by.
  const max = fleet?.eventBacklogMax ?? limits.eventBacklogMax;
  const share = unwritten.rows / max;
  const levels = [
    [0.5, 'events-50'],
    [0.9, 'events-90'],
  ] as const;
  return levels.flatMap(([level, kind]) =>
    share < level ? [] : [condition(kind, null, 0, texts.eventBacklog(unwritten.rows, max))],
  );
}

function ofOutbox({ at, outbox }: Seen, { backlogAgeMs, relaySilentMs }: Limits): Condition[] {
  if (outbox === null) return [];
  const { total, relay, agoMs } = outbox;
  const ageMs = total.oldestAt === null ? 0 : relay.now - total.oldestAt + agoMs;
  return [
    ...(ageMs < backlogAgeMs
      ? []
      : [
          condition(
            'outbox-backlog',
            at - ageMs,
            0,
            texts.oldOutbox(total.waiting + relay.untaken, relay.held),
          ),
        ]),
    ...(agoMs < relaySilentMs ? [] : [condition('relay-silent', at - agoMs, 0, texts.relaySilent(outbox))]),
  ];
}

function ofCatalog({ at, catalogAt }: Seen, { catalogAgeMs }: Limits): Condition[] {
  if (catalogAt === null || at - catalogAt < catalogAgeMs) return [];
  return [condition('no-catalog', catalogAt, 0, texts.noCatalog())];
}

function condition(kind: Kind, since: number | null, afterMs: number, text: texts.Text): Condition {
  return { kind, key: kind, since, afterMs, ...text };
}

export function workOf({ fleet, backlog }: Seen): Work | null {
  if (fleet === null || backlog === null) return null;
  const { report } = fleet;
  const { jobs, oldestDueSince } = backlog;
  return {
    isDue:
      (oldestDueSince !== null || jobs.active > 0) &&
      report.isAnyoneAlive &&
      report.state === 'closed' &&
      report.pausedBy.length === 0,
    mark: [report.lastSuccess?.at, report.totals.successes, jobs.completed, jobs.failed].join(' '),
  };
}

/** `sinceAt`: since when nothing was done though there was work. */
export function stalled({ fleet, backlog, at }: Seen, sinceAt: number, { stallMs }: Limits): Condition[] {
  if (fleet === null || backlog === null) return [];
  // One slow call is no standstill.
  const afterMs = Math.max(stallMs, fleet.report.options.leaseMs);
  if (at - sinceAt < afterMs) return [];
  return [condition('nothing-completes', sinceAt, 0, texts.nothingCompletes(fleet.workers, backlog))];
}
