import type { Redis } from 'ioredis';
import { deliveredMarkKey } from '../circuit/keys.ts';
import { eventStreamKey } from '../events/event.ts';
import { repliesOf } from '../sync/producer/known-jobs.ts';
import { QUEUE_NAME, queuePrefix } from '../sync/queue.ts';

/** One kind of thing that the namespace holds in Redis. */
export interface Content {
  readonly kind: ContentKind;
  readonly count: number;
  /** Estimated from a sample; undefined where Redis may not be asked for it. */
  readonly bytes: number | undefined;
}

export type ContentKind =
  | 'finished jobs'
  | 'delivered marks'
  | 'waiting'
  | 'delayed'
  | 'dead letters'
  | 'events';

/** Jobs whose size is asked for, of each end of a set: sales of a day look much alike. */
const SAMPLE = 25;
const SCAN_STEP = 5_000;
/** Five million keys; beyond them the count is an estimate. */
const SCAN_STEPS_MAX = 1_000;

/** Where BullMQ lists its jobs. */
const LISTS = [
  { kind: 'finished jobs', name: 'completed', type: 'zset' },
  { kind: 'waiting', name: 'wait', type: 'list' },
  { kind: 'waiting', name: 'prioritized', type: 'zset' },
  { kind: 'delayed', name: 'delayed', type: 'zset' },
  { kind: 'dead letters', name: 'failed', type: 'zset' },
] as const;

/** What fills Redis, the largest first; of what there is none, nothing is told. */
export async function readContents(redis: Redis, namespace: string): Promise<Content[]> {
  const prefix = `${queuePrefix(namespace)}:${QUEUE_NAME}`;
  const jobs = await Promise.all(LISTS.map((list) => readJobs(redis, prefix, list)));
  const events = await readEvents(redis, eventStreamKey(namespace));
  const contents = [...jobs, events, await readMarks(redis, namespace)];
  return contents.filter(({ count }) => count > 0).toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
}

async function readJobs(
  redis: Redis,
  prefix: string,
  { kind, name, type }: (typeof LISTS)[number],
): Promise<Content> {
  const list = `${prefix}:${name}`;
  const count = type === 'zset' ? await redis.zcard(list) : await redis.llen(list);
  const ids = [...(await idsOf(redis, type, list, 0)), ...(await idsOf(redis, type, list, -SAMPLE))];
  return { kind, count, bytes: await jobBytes(redis, prefix, list, ids, count) };
}

async function idsOf(redis: Redis, type: 'zset' | 'list', list: string, from: number): Promise<string[]> {
  const to = from + SAMPLE - 1;
  return type === 'zset' ? redis.zrange(list, String(from), String(to)) : redis.lrange(list, from, to);
}

/** The jobs as large as the sampled ones, and the list itself. */
async function jobBytes(redis: Redis, prefix: string, list: string, ids: readonly string[], count: number) {
  if (count === 0) return 0;
  const jobs = [...new Set(ids)].map((id) => `${prefix}:${id}`);
  const [own] = (await bytesOf(redis, [list])) ?? [];
  // All fields of a job: of a few, one of which is the payload, Redis would guess wildly.
  const sizes = await bytesOf(redis, jobs, ['SAMPLES', 0]);
  return own === undefined || sizes === undefined ? undefined : own + meanOf(sizes) * count;
}

/** Those set apart among them. */
async function readEvents(redis: Redis, stream: string): Promise<Content> {
  const streams = [stream, `${stream}:refused`];
  const counts = await Promise.all(streams.map((key) => redis.xlen(key)));
  return { kind: 'events', count: sum(counts), bytes: await totalBytes(redis, streams) };
}

async function totalBytes(redis: Redis, keys: readonly string[]): Promise<number | undefined> {
  const sizes = await bytesOf(redis, keys);
  return sizes && sum(sizes);
}

/** No set lists them: each is a key that ends by itself. */
async function readMarks(redis: Redis, namespace: string): Promise<Content> {
  let cursor = '0';
  let steps = 0;
  let count = 0;
  let sample: string[] = [];
  do {
    const pattern = deliveredMarkKey(namespace, '*');
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_STEP);
    cursor = next;
    steps += 1;
    count += keys.length;
    if (sample.length < SAMPLE) sample = [...sample, ...keys].slice(0, SAMPLE);
  } while (cursor !== '0' && steps < SCAN_STEPS_MAX);
  // Redis keeps keys in no order, so what was not looked at is like what was.
  if (cursor !== '0') count = Math.round((count * (await redis.dbsize())) / (steps * SCAN_STEP));
  const sizes = await bytesOf(redis, sample);
  return { kind: 'delivered marks', count, bytes: sizes && meanOf(sizes) * count };
}

/** Undefined where the user in REDIS_URL may not ask. */
async function bytesOf(
  redis: Redis,
  keys: readonly string[],
  how: readonly ['SAMPLES', number] | readonly [] = [],
): Promise<number[] | undefined> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.call('MEMORY', 'USAGE', key, ...how);
  try {
    return (await repliesOf(pipeline)).map(Number);
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}

function meanOf(sizes: readonly number[]): number {
  return sizes.length === 0 ? 0 : sum(sizes) / sizes.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
