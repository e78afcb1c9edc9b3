import { type Condition, conditionsOf, type Limits, stalled, unknownKinds, workOf } from './conditions.ts';
import type { Kind } from './kinds.ts';
import type { Seen } from './look.ts';

/** A condition, with what several looks tell of it. */
export type Holding = Condition & {
  readonly since: number;
  /** It lasted long enough to be told. */
  readonly isRipe: boolean;
};

/** What a look came to. */
export interface Judged {
  readonly at: number;
  readonly holding: readonly Holding[];
  readonly unknown: ReadonlySet<Kind>;
  /** Of a closed circuit: since when, by the clock of this process; null: it is not closed, or not known. */
  readonly closedSince: number | null;
  /** How often the circuit opened since it was first started; null: not known. */
  readonly openings: number | null;
  /** Jobs in the queue that are not done; null: not known. */
  readonly waiting: number | null;
  /** How long the oldest due one has been waiting; 0: none is. */
  readonly oldestMs: number;
}

/** Judges one look after the other, and remembers since when a condition holds. */
export function createWatch(limits: Limits): (seen: Seen) => Judged {
  let since = new Map<string, number>();
  let lastMark: string | undefined;
  let idleSince = 0;

  function followWork(seen: Seen): void {
    const work = workOf(seen);
    if (work !== null && work.isDue && work.mark === lastMark) return;
    idleSince = seen.at;
    lastMark = work?.isDue === true ? work.mark : undefined;
  }

  return (seen) => {
    followWork(seen);
    const found = [...conditionsOf(seen, limits), ...stalled(seen, idleSince, limits)];
    const holding = found.map((condition) => {
      const from = condition.since ?? since.get(condition.key) ?? seen.at;
      return { ...condition, since: from, isRipe: seen.at - from >= condition.afterMs };
    });
    since = new Map(holding.map((each) => [each.key, each.since]));
    return { at: seen.at, holding, unknown: unknownKinds(seen), ...figuresOf(seen) };
  };
}

function figuresOf({ at, fleet, backlog }: Seen): Omit<Judged, 'at' | 'holding' | 'unknown'> {
  const isClosed = fleet !== null && fleet.report.outage === null && fleet.report.state === 'closed';
  const oldest = backlog?.oldestDueSince ?? null;
  return {
    closedSince: isClosed ? Math.min(at, fleet.report.since - fleet.now + at) : null,
    openings: fleet === null ? null : Object.values(fleet.openings).reduce((sum, count) => sum + count, 0),
    waiting: backlog === null ? null : backlog.jobs.waiting + backlog.jobs.delayed + backlog.jobs.active,
    oldestMs: backlog === null || oldest === null ? 0 : Math.max(0, backlog.now - oldest),
  };
}
