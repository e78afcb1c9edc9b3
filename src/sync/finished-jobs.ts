import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { type RedisScript, redisScript } from '../base/redis.ts';
import { readMemory } from '../base/redis-memory.ts';
import { QUEUE_NAME, queuePrefix } from './queue.ts';

/** What is delivered, and kept in the queue only to be looked at. */
export interface FinishedJobs {
  /** Lets go what is too much; then looks again every few seconds. */
  start(): Promise<void>;
  /** Waits for the step under way. */
  stop(): Promise<void>;
}

export interface FinishedJobsDeps {
  readonly redis: Redis;
  readonly namespace: string;
  /** So many stay. */
  readonly max: number;
}

/** BullMQ itself keeps no more, from the next job that finishes. Both bounds hold. */
export const KEEP_FINISHED_S = 24 * 3_600;

/** So much of `maxmemory` in use, and finished jobs make room for sales. */
const NEARLY_FULL = 0.95;
const LOOK_EVERY_MS = 5_000;
/** Small, so that others get their turn at Redis. */
const STEP_JOBS = 500;
const STEP_PAUSE_MS = 5;

const LUA = readFileSync(new URL('./finished-jobs.lua', import.meta.url), 'utf8');

/**
 * Bounds what is finished where BullMQ does not: it lets jobs go only as others finish, all that are too many
 * in one step. After an update that may be a million; and at `maxmemory` nothing finishes any more, since no
 * call is begun. What is delivered must never be the reason why a sale is not taken. Any number of processes
 * may do this at once.
 */
export function createFinishedJobs({ redis, namespace, max }: FinishedJobsDeps): FinishedJobs {
  const stopping = new AbortController();
  const letGo = stepOf(redisScript<number>(redis, LUA), `${queuePrefix(namespace)}:${QUEUE_NAME}:`);
  let running = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    try {
      await bound();
      await makeRoom();
    } catch (error) {
      tell('finished-jobs-unseen', { error: errorMessage(error) });
    }
  }

  async function bound(): Promise<void> {
    let jobs = 0;
    for (let step = STEP_JOBS; step === STEP_JOBS && !stopping.signal.aborted; jobs += step) {
      step = await letGo(max);
      if (step > 0) await delay(STEP_PAUSE_MS);
    }
    if (jobs > 0) tell('finished-jobs-released', { jobs, max });
  }

  async function makeRoom(): Promise<void> {
    let jobs = 0;
    while (!stopping.signal.aborted && isNearlyFull(await readMemory(redis))) {
      const step = await letGo(0);
      if (step === 0) break;
      jobs += step;
    }
    if (jobs > 0) tell('finished-jobs-made-room', { jobs });
  }

  return {
    async start() {
      running = look();
      await running;
      timer = setInterval(() => {
        running = running.then(look);
      }, LOOK_EVERY_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await running;
    },
  };
}

function stepOf(script: RedisScript<number>, jobKeys: string): (keep: number) => Promise<number> {
  return (keep) => script([`${jobKeys}completed`], [jobKeys, keep, STEP_JOBS]);
}

function isNearlyFull({ used, max }: { used: number; max: number }): boolean {
  return max > 0 && used > NEARLY_FULL * max;
}
