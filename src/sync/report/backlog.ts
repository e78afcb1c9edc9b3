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

type Reply = [
  ...counts: [number, number, number, number, number],
  looked: string,
  oldest: string,
  delayed: string,
  now: string,
];

/** One round trip, of the same cost whatever waits. */
export const readBacklog = (redis: Redis, namespace: string): Promise<Backlog> =>
  createBacklogReader(redis, namespace)();

/** The same for who reads it again and again: where the same jobs are next in turn, they are not looked at again. */
export function createBacklogReader(redis: Redis, namespace: string): () => Promise<Backlog> {
  const queue = `${queuePrefix(namespace)}:${QUEUE_NAME}:`;
  const keys = KEYS.map((name) => `${queue}${name}`);
  const script = redisScript<Reply>(redis, LUA);
  let last = { looked: '', oldest: '' };

  return async () => {
    const known = last.looked;
    const reply = await script(keys, [queue, LOOKED_AT, known]);
    const [waiting, active, delayed, completed, failed, looked, oldest, delayedSince, now] = reply;
    if (looked === '' || looked !== known) last = { looked, oldest };
    const since = [last.oldest, delayedSince].filter((at) => at !== '').map(Number);
    return {
      jobs: { waiting, active, delayed, completed, failed },
      oldestDueSince: since.length === 0 ? null : Math.min(...since),
      now: Number(now),
    };
  };
}
