import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { changedNumbersAsText } from '../jobs/exact-numbers.ts';
import { parseJob } from '../jobs/jobs.ts';
import { locationIdOf, transactionIdsOf } from '../jobs/payload.ts';
import { repliesOf } from '../producer/known-jobs.ts';
import { REPLAYS } from './replays.ts';
import { SPLITS } from './splits.ts';

/** A job that was given up, as BullMQ keeps it. */
export interface DeadLetter {
  readonly id: string;
  /** Job name. */
  readonly job: string;
  readonly locationId: string | undefined;
  readonly transactionIds: readonly string[];
  /** Clock of the worker that gave it up. */
  readonly diedAt: number;
  readonly attempts: number;
  /** `code: message` */
  readonly reason: string;
  /** How often people brought it back before. */
  readonly replays: number;
  /** A batch that waits to be split by the relay: it is no person's business yet. */
  readonly toBeSplit?: true;
  readonly data: unknown;
}

export interface TimeOfDeath {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

type Scored = readonly [id: string, score: number];

const PAGE = 200;
const READ_BYTES = 8 * 1024 * 1024;
const FIELDS = ['name', 'data', 'failedReason', 'finishedOn', 'atm', REPLAYS, SPLITS];

/**
 * Ids of the dead letters by time of death, in pages. What dies after the first page was asked for is not
 * among them; what leaves meanwhile makes none of the others be left out.
 */
export async function* failedPages(
  redis: Redis,
  queue: Queue,
  { since = 0, until = Number.POSITIVE_INFINITY }: TimeOfDeath,
  newestFirst: boolean,
): AsyncGenerator<readonly string[]> {
  const key = queue.toKey('failed');
  const [newest] = scored(await redis.zrevrange(key, 0, 0, 'WITHSCORES'));
  if (newest === undefined) return;
  const end = Math.min(until, newest[1]);
  let cursor = newestFirst ? end : since;
  // Of those who died at the cursor's very millisecond.
  let seen = new Set<string>();
  for (;;) {
    const page = await (newestFirst
      ? redis.zrevrangebyscore(key, cursor, since, 'WITHSCORES', 'LIMIT', 0, PAGE + seen.size)
      : redis.zrangebyscore(key, cursor, end, 'WITHSCORES', 'LIMIT', 0, PAGE + seen.size));
    const fresh = scored(page).filter(([id]) => !seen.has(id));
    const last = fresh.at(-1);
    if (last === undefined) return;
    yield fresh.map(([id]) => id);
    const atLast = fresh.filter(([, score]) => score === last[1]).map(([id]) => id);
    seen = new Set(last[1] === cursor ? [...seen, ...atLast] : atLast);
    cursor = last[1];
  }
}

/** Those of the jobs that are dead letters, in groups of a few megabytes: each may be 10 MB. */
export async function* readDeadLetters(
  redis: Redis,
  queue: Queue,
  ids: readonly string[],
): AsyncGenerator<readonly DeadLetter[]> {
  const sizes = redis.pipeline();
  for (const id of ids) sizes.hstrlen(queue.toKey(id), 'data');
  const lengths = await repliesOf(sizes);
  for (const group of groupsOf(ids, (index) => Number(lengths[index]))) {
    yield await readGroup(redis, queue, group);
  }
}

async function readGroup(redis: Redis, queue: Queue, ids: readonly string[]): Promise<DeadLetter[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) {
    pipeline.zscore(queue.toKey('failed'), id);
    pipeline.hmget(queue.toKey(id), ...FIELDS);
  }
  const replies = await repliesOf(pipeline);
  return ids.flatMap((id, index) => {
    const isDead = replies[2 * index] !== null;
    const fields = replies[2 * index + 1];
    // A hash that somebody deleted by hand has no name.
    if (!isDead || !Array.isArray(fields) || typeof fields[0] !== 'string') return [];
    return [deadLetterOf(id, fields)];
  });
}

function deadLetterOf(id: string, fields: readonly unknown[]): DeadLetter {
  const texts = fields.map((value) => (typeof value === 'string' ? value : ''));
  const [job = '', json = '', reason = '', diedAt = '', attempts = '', replays = '', splits = ''] = texts;
  const data = parsed(json);
  const transactionIds = transactionIdsOf(data);
  return {
    id,
    job,
    locationId: locationIdOf(data),
    transactionIds,
    diedAt: Number(diedAt),
    attempts: Number(attempts),
    reason,
    replays: Number(replays),
    ...(splits === '1' && transactionIds.length > 1 ? { toBeSplit: true } : {}),
    data,
  };
}

/**
 * Of a dead letter that has one. Read when it is needed: a list of many would hash them all; and from the data as
 * the workers read it, for what is shown may have text where they have a number.
 */
export async function readSyncKey(redis: Redis, queue: Queue, { id, job }: DeadLetter) {
  const json = await redis.hget(queue.toKey(id), 'data');
  try {
    const parsed = parseJob(job, JSON.parse(json ?? ''));
    return parsed.ok ? parsed.job.syncKey : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Any client can write anything; a text that is no JSON is shown as it is. A number that would be shown as
 * another one stands as text: so it has to be sent, and its digits are nowhere else to be seen.
 */
function parsed(json: string): unknown {
  try {
    return JSON.parse(changedNumbersAsText(json));
  } catch {
    return json;
  }
}

/** Neighbours that together weigh no more than may be read at once. */
function* groupsOf(ids: readonly string[], bytesOf: (index: number) => number): Generator<string[]> {
  let group: string[] = [];
  let bytes = 0;
  for (const [index, id] of ids.entries()) {
    if (group.length > 0 && bytes + bytesOf(index) > READ_BYTES) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(id);
    bytes += bytesOf(index);
  }
  if (group.length > 0) yield group;
}

/** Redis answers members and scores by turns. */
function scored(flat: readonly string[]): Scored[] {
  const ids = flat.filter((_, index) => index % 2 === 0);
  return ids.map((id, index) => [id, Number(flat[2 * index + 1])]);
}
