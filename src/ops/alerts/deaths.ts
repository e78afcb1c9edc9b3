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

/**
 * Reads who died since a time; null: since now. Whom this reader has seen, or another one must have, it passes over, and
 * batches that wait to be split.
 */
export function createDeathReader({ redis, queue }: DeathsDeps): (since: number | null) => Promise<Deaths> {
  const failed = queue.toKey('failed');
  const seen = new Map<string, number>();
  let isFirst = true;

  async function newIds(from: number): Promise<string[]> {
    const ids: string[] = [];
    for (let offset = 0; ids.length < STEP; offset += STEP) {
      const page = await redis.zrangebyscore(failed, from, '+inf', 'WITHSCORES', 'LIMIT', offset, STEP);
      for (let at = 0; at < page.length; at += 2) {
        const [id = '', diedAt] = page.slice(at, at + 2);
        // One that was brought back may die again.
        if (seen.get(id) !== Number(diedAt)) ids.push(id);
      }
      if (page.length < 2 * STEP) break;
    }
    return ids;
  }

  async function collect(since: number): Promise<DeadLetter[]> {
    const from = since - OVERLAP_MS;
    for (const [id, diedAt] of seen) if (diedAt < from) seen.delete(id);
    const found: DeadLetter[] = [];
    for await (const letters of readDeadLetters(redis, queue, await newIds(from))) {
      for (const letter of letters) seen.set(letter.id, letter.diedAt);
      found.push(
        ...letters.filter(({ toBeSplit, diedAt }) => toBeSplit !== true && (!isFirst || diedAt > since)),
      );
    }
    isFirst = false;
    return found;
  }

  return async (since) => {
    const now = Date.now();
    if (since === null) return { groups: [], until: now };
    const letters = await collect(since);
    // A worker whose clock is ahead must not hide those of the others.
    const newest = Math.max(since, ...[...seen.values()].filter((diedAt) => diedAt <= now));
    return { groups: groupsOf(letters), until: newest };
  };
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
