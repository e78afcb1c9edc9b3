import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { QUEUE_NAME, queuePrefix } from '../queue.ts';

export const JOB_STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;

/** Times are ms since 1970, by Redis's clock. */
export interface Backlog {
  readonly jobs: Readonly<Record<(typeof JOB_STATES)[number], number>>;
  /**
   * Since when the oldest due job has been waiting, of those next in turn: since it was enqueued, or, where it failed
   * by itself, since it was last tried. Null: none is due.
   */
  readonly oldestDueSince: number | null;
  readonly now: number;
}

const LUA = readFileSync(new URL('./backlog.lua', import.meta.url), 'utf8');
const KEYS = ['wait', 'paused', 'prioritized', 'active', 'delayed', 'completed', 'failed'] as const;
/** Of the jobs next in turn the oldest may be behind some that came back to the head. */
const LOOKED_AT = 20;

type Reply = [...counts: [number, number, number, number, number], oldest: string, now: string];

/** One round trip, of the same cost whatever waits. */
export async function readBacklog(redis: Redis, namespace: string): Promise<Backlog> {
  const queue = `${queuePrefix(namespace)}:${QUEUE_NAME}:`;
  const script = redisScript<Reply>(redis, LUA);
  const reply = await script(
    KEYS.map((name) => `${queue}${name}`),
    [queue, LOOKED_AT],
  );
  const [waiting, active, delayed, completed, failed, oldest, now] = reply;
  return {
    jobs: { waiting, active, delayed, completed, failed },
    oldestDueSince: oldest === '' ? null : Number(oldest),
    now: Number(now),
  };
}
