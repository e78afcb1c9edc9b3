import type { Redis } from 'ioredis';
import { eventStreamKey } from './event.ts';
import { refusedStreamKey } from './stream.ts';

/** What is not in Postgres. Times are ms since 1970, by Redis's clock. */
export interface Unwritten {
  readonly rows: number;
  /** Since when the oldest of them waits; null: none does. */
  readonly oldestAt: number | null;
  /** Set apart for a person: they can never be rows. */
  readonly refused: number;
  readonly now: number;
}

/** Of the same cost however many wait. */
export async function readUnwritten(redis: Redis, namespace: string): Promise<Unwritten> {
  const stream = eventStreamKey(namespace);
  const [rows, oldest, refused, [seconds, micros]] = await Promise.all([
    redis.xlen(stream),
    redis.xrange(stream, '-', '+', 'COUNT', 1),
    redis.xlen(refusedStreamKey(namespace)),
    redis.time(),
  ]);
  // An entry's id begins with the time at which it was added.
  const id = oldest[0]?.[0];
  return {
    rows,
    oldestAt: id === undefined ? null : Number(id.split('-')[0]),
    refused,
    now: Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000),
  };
}
