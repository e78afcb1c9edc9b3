import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { changedNumbersAsText } from '../jobs/exact-numbers.ts';
import { parseJob } from '../jobs/jobs.ts';
import { locationIdOf, transactionIdsOf } from '../jobs/payload.ts';
import { type Death, readDead } from './deaths.ts';

/** A job that was given up, as BullMQ keeps it. */
export interface DeadLetter extends Death {
  readonly locationId: string | undefined;
  readonly transactionIds: readonly string[];
  readonly data: unknown;
}

export interface TimeOfDeath {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

type Scored = readonly [id: string, score: number];

const PAGE = 200;
/** At once: Redis does nothing else meanwhile. */
const READ = 500;
const READ_BYTES = 4 * 1024 * 1024;

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
  for (let from = 0; from < ids.length; ) {
    const some = ids.slice(from, from + READ);
    const { looked, found } = await readDead(redis, queue, some, READ_BYTES, deadLetterOf);
    yield found;
    from += looked;
  }
}

function deadLetterOf({ id, job, ...death }: Death, json: string): DeadLetter {
  const data = parsed(json);
  return { id, job, locationId: locationIdOf(data), transactionIds: transactionIdsOf(data), ...death, data };
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

/** Redis answers members and scores by turns. */
function scored(flat: readonly string[]): Scored[] {
  const ids = flat.filter((_, index) => index % 2 === 0);
  return ids.map((id, index) => [id, Number(flat[2 * index + 1])]);
}
