import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type DeadLetter, readDeadLetters } from '../../sync/dead-letters/failed-jobs.ts';
import { groupKeyOf } from '../../sync/dead-letters/reason-groups.ts';

/** Jobs that were given up of the same thing since the last look. */
export interface DeathGroup {
  /** As `dead-letters list` names it. */
  readonly group: string;
  readonly count: number;
  /** Of one of them. */
  readonly reason: string;
  readonly oldestAt: number;
  readonly newestAt: number;
}

export interface Deaths {
  readonly groups: readonly DeathGroup[];
  /** The next look begins there. */
  readonly until: number | null;
}

interface DeathsDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
}

/** Times of death are of the workers' clocks, which differ by some seconds. */
const OVERLAP_MS = 60_000;
/** Looked at in one step, so that an avalanche of them does not keep the sender from its lease. */
const STEP = 1_000;

/** What this reader has told, and of whom. */
interface Told {
  readonly until: number | null;
  /** Times of death by job ID. */
  readonly seen: ReadonlyMap<string, number>;
}

export interface DeathReader {
  /** Who died since a time, but for batches that wait to be split; null: since now. */
  read(since: number | null): Promise<Deaths>;
  /** What was read last is written down. Before, the next read finds it again. */
  told(): void;
}

/** Looks back a little, and passes over whom it has told, or, where another one told in between, that one must have. */
export function createDeathReader(deps: DeathsDeps): DeathReader {
  let last: Told = { until: null, seen: new Map() };
  let read: Told = last;
  return {
    async read(since) {
      read = last;
      const now = Date.now();
      if (since === null) {
        read = { until: now, seen: await deadBy(deps, now) };
        return { groups: [], until: now };
      }
      const letters = await diedSince(deps, since, last);
      read = nextAfter(since, last, letters, now);
      const isNew = ({ toBeSplit, diedAt }: DeadLetter): boolean =>
        toBeSplit !== true && (since === last.until || diedAt > since);
      return { groups: groupsOf(letters.filter(isNew)), until: read.until };
    },
    told() {
      last = read;
    },
  };
}

/** Those are history. By who is there, not by the time: another may die in the same millisecond. */
async function deadBy(deps: DeathsDeps, now: number): Promise<Told['seen']> {
  const seen = new Map<string, number>();
  for await (const page of pagesFrom(deps, now - OVERLAP_MS)) {
    for (const [id, diedAt] of page) seen.set(id, diedAt);
  }
  return seen;
}

async function diedSince(deps: DeathsDeps, since: number, { seen }: Told): Promise<DeadLetter[]> {
  const ids: string[] = [];
  for await (const page of pagesFrom(deps, since - OVERLAP_MS)) {
    // One that was brought back may die again.
    for (const [id, diedAt] of page) if (seen.get(id) !== diedAt) ids.push(id);
    if (ids.length >= STEP) break;
  }
  const found: DeadLetter[] = [];
  for await (const letters of readDeadLetters(deps.redis, deps.queue, ids)) found.push(...letters);
  return found;
}

async function* pagesFrom(
  { redis, queue }: DeathsDeps,
  from: number,
): AsyncGenerator<[id: string, diedAt: number][]> {
  for (let offset = 0, isMore = true; isMore; offset += STEP) {
    const flat = await redis.zrangebyscore(
      queue.toKey('failed'),
      from,
      '+inf',
      'WITHSCORES',
      'LIMIT',
      offset,
      STEP,
    );
    const page: [string, number][] = [];
    for (let at = 0; at < flat.length; at += 2) page.push([flat[at] ?? '', Number(flat[at + 1])]);
    yield page;
    isMore = page.length === STEP;
  }
}

function nextAfter(
  since: number,
  last: Told,
  letters: readonly DeadLetter[],
  now: number,
): Told & { until: number } {
  const from = since - OVERLAP_MS;
  const seen = new Map([...last.seen].filter(([, diedAt]) => diedAt >= from));
  for (const { id, diedAt } of letters) seen.set(id, diedAt);
  // A worker whose clock is ahead must not hide those of the others.
  let until = since;
  for (const diedAt of seen.values()) if (diedAt <= now) until = Math.max(until, diedAt);
  return { until, seen };
}

function groupsOf(letters: readonly DeadLetter[]): DeathGroup[] {
  const groups = new Map<string, DeathGroup>();
  for (const { reason, diedAt } of letters) {
    const group = groupKeyOf(reason);
    const before = groups.get(group) ?? { group, count: 0, reason, oldestAt: diedAt, newestAt: diedAt };
    groups.set(group, {
      ...before,
      count: before.count + 1,
      oldestAt: Math.min(before.oldestAt, diedAt),
      newestAt: Math.max(before.newestAt, diedAt),
    });
  }
  return [...groups.values()];
}
