import { readFileSync } from 'node:fs';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { locationIdOf, transactionIdsOf } from '../jobs/payload.ts';
import type { EnqueuedState } from '../producer/enqueued.ts';
import { readStates, repliesOf } from '../producer/known-jobs.ts';

/** A job as the queue has it. Times are ms; null: there is none. */
export interface QueuedJob {
  readonly id: string;
  readonly state: Exclude<EnqueuedState, 'delivered'>;
  readonly locationId: string | null;
  /** The store's business date, as given. */
  readonly date: string | null;
  readonly transactions: number;
  readonly transactionIds: readonly string[];
  readonly enqueuedAt: number | null;
  readonly finishedAt: number | null;
  /** Of one that is delayed: when it is tried next. */
  readonly dueAt: number | null;
  readonly attempts: number;
  /** Of one that was given up: `code: message` */
  readonly reason: string | null;
}

/** In the order in which a job goes through them: what moves on meanwhile is met again. */
const LISTS = ['wait', 'prioritized', 'delayed', 'active', 'completed', 'failed'] as const;
/** Small, so that others get their turn at Redis. */
const STEP_JOBS = 500;
const STEP_BYTES = 4 * 1024 * 1024;
const LUA = readFileSync(new URL('./jobs-of-sale.lua', import.meta.url), 'utf8');
/** BullMQ keeps the time in the upper bits of the score, and a counter below. */
const DELAYED_SCORE = 0x1000;
const FIELDS = ['data', 'timestamp', 'finishedOn', 'atm', 'failedReason'] as const;

/**
 * Ids of the jobs that hold this transaction. Redis has no index of them, so it looks at all there are, by itself and
 * some at a time: a second for 200,000.
 */
export async function findJobsOfSale(redis: Redis, queue: Queue, transactionId: string): Promise<string[]> {
  const look = looker(redis, queue, 'id', [transactionId]);
  const found = new Set<string>();
  for (const list of LISTS) {
    for (let from = 0, seen = 1; seen > 0; from += seen) {
      const [looked, ids] = await look(list, from);
      seen = looked;
      for (const id of ids) found.add(id);
    }
  }
  const jobs: string[] = [];
  // One at a time: each may be 10 MB.
  for (const id of found) if (await holdsSale(redis, queue, id, transactionId)) jobs.push(id);
  return jobs;
}

/** Looks at some jobs of a list, from a place on: at how many, and which of them may have one of these texts as that member. */
export function looker(redis: Redis, queue: Queue, member: 'id' | 'locationId', texts: readonly string[]) {
  const look = redisScript<[seen: number, ids: string[]]>(redis, LUA);
  const spellings = texts.flatMap(spellingsOf);
  return (list: string, from: number) =>
    look([queue.toKey(list)], [queue.toKey(''), from, STEP_JOBS, STEP_BYTES, member, ...spellings]);
}

/** A text as JSON may have it: Python writes ASCII alone, PHP has a backslash before a slash. */
function spellingsOf(text: string): string[] {
  const plain = JSON.stringify(text);
  const inAscii = (hex: (unit: string) => string) =>
    plain.replace(/[\u007F-\uFFFF]/g, (unit) => `\\u${hex(unit).padStart(4, '0')}`);
  const lower = inAscii((unit) => unit.charCodeAt(0).toString(16));
  const upper = inAscii((unit) => unit.charCodeAt(0).toString(16).toUpperCase());
  const spellings = [plain, lower, upper];
  return [...new Set([...spellings, ...spellings.map((spelling) => spelling.replaceAll('/', '\\/'))])];
}

/** The id may have been that of something else in it. */
async function holdsSale(redis: Redis, queue: Queue, id: string, transactionId: string): Promise<boolean> {
  return transactionIdsOf(parsed(await redis.hget(queue.toKey(id), 'data'))).includes(transactionId);
}

/** Those of them that the queue has. */
export async function readQueuedJobs(
  redis: Redis,
  queue: Queue,
  ids: readonly string[],
): Promise<QueuedJob[]> {
  const toKey = (suffix: string) => queue.toKey(suffix);
  const states = await readStates(redis, toKey, ids, new Set());
  const pipeline = redis.pipeline();
  for (const id of ids) {
    pipeline.zscore(toKey('delayed'), id);
    pipeline.hmget(toKey(id), ...FIELDS);
  }
  const replies = await repliesOf(pipeline);
  return ids.flatMap((id, index) => {
    const fields = replies[2 * index + 1];
    const state = states.get(id);
    if (!Array.isArray(fields) || fields[0] === null || state === undefined || state === 'delivered')
      return [];
    return [queuedJobOf(id, state, replies[2 * index], fields)];
  });
}

function queuedJobOf(
  id: string,
  state: QueuedJob['state'],
  score: unknown,
  [json, timestamp, finishedOn, attempts, reason]: readonly unknown[],
): QueuedJob {
  const data = parsed(json);
  const transactionIds = transactionIdsOf(data);
  return {
    id,
    state,
    locationId: locationIdOf(data) ?? null,
    date: dateOf(data),
    transactions: transactionIds.length,
    transactionIds,
    enqueuedAt: numberOf(timestamp),
    finishedAt: numberOf(finishedOn),
    dueAt:
      state === 'delayed' && typeof score === 'string' ? Math.floor(Number(score) / DELAYED_SCORE) : null,
    attempts: numberOf(attempts) ?? 0,
    reason: state === 'failed' && typeof reason === 'string' ? reason : null,
  };
}

function dateOf(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || !('date' in data)) return null;
  return typeof data.date === 'string' ? data.date : null;
}

/** Any client can write anything. */
function parsed(json: unknown): unknown {
  try {
    return JSON.parse(typeof json === 'string' ? json : '');
  } catch {
    return undefined;
  }
}

function numberOf(text: unknown): number | null {
  return typeof text === 'string' && text !== '' && Number.isFinite(Number(text)) ? Number(text) : null;
}
