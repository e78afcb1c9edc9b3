import type { Redis } from 'ioredis';
import { circuitKeys } from './keys.ts';

/** A worker as the register has it (`lua/workers.lua`). */
export interface RegisteredWorker {
  /** Random at each start. */
  readonly id: string;
  /** Redis clock, ms: since when it is there. */
  readonly since: number;
  readonly takesJobs: boolean;
  /** What it tells of itself: JSON that its gate wrote. */
  readonly entry: string;
}

const SEEN = /^(\d+)\|([01b])\|(\d+)\|(.*)$/su;

/** Those that are there now, the longest there first, and Redis's clock. */
export async function readRegister(
  redis: Redis,
  namespace: string,
  eventStream: string,
): Promise<{ readonly workers: readonly RegisteredWorker[]; readonly now: number }> {
  const [workersAt, [seconds, micros]] = await Promise.all([
    readWorkers(redis, namespace, eventStream),
    redis.time(),
  ]);
  const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  return { workers: workersAt(now), now };
}

/** The same for who knows Redis's clock. */
export async function readWorkers(
  redis: Redis,
  namespace: string,
  eventStream: string,
): Promise<(now: number) => RegisteredWorker[]> {
  const [, , , key] = circuitKeys(namespace, eventStream).machine;
  const seen = await redis.hgetall(key);
  return (now) => {
    const workers = Object.entries(seen).flatMap(([id, text]) => {
      const [, ends, flag, since, entry = ''] = SEEN.exec(text) ?? [];
      if (!(now < Number(ends))) return [];
      return [{ id, since: Number(since), takesJobs: flag === '1', entry }];
    });
    return workers.toSorted((a, b) => a.since - b.since || a.id.localeCompare(b.id));
  };
}

/** The options that the worker which started last decides by, as it wrote them; null: none ever did. */
export async function readFleetOptions(
  redis: Redis,
  namespace: string,
  eventStream: string,
): Promise<string | null> {
  const [key] = circuitKeys(namespace, eventStream).machine;
  // Another type of key stands there: junk, which the next decision rebuilds.
  return redis.hget(key, 'options').catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return null;
    throw error;
  });
}
