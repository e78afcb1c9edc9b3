import { readFileSync } from 'node:fs';
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisScript } from '../base/redis.ts';
import type { Circuit } from '../circuit/circuit.ts';
import type { AttemptOutcome } from './disposition.ts';
import { jobKey } from './queue.ts';

/** A 403 or 404: it may be one store's lasting fault, or all of Conexxus. */
export function isRefusal(outcome: AttemptOutcome): boolean {
  return outcome === 'forbidden' || outcome === 'not_found';
}

/** Whether anything was delivered since this job was first refused. */
export type DeliveredSince = (job: Job) => Promise<boolean>;

interface RefusedDeps {
  readonly redis: Redis;
  readonly namespace: string;
  readonly circuit: Pick<Circuit, 'status'>;
}

const LUA = readFileSync(new URL('./first-refused.lua', import.meta.url), 'utf8');

/** What tells one store's fault from an outage: that others are delivered. */
export function createDeliveredSince({ redis, namespace, circuit }: RefusedDeps): DeliveredSince {
  const firstRefused = redisScript<string>(redis, LUA);
  return async (job) => {
    // A job that a person brought back begins anew.
    const isFirst = job.attemptsMade === 0 ? 1 : 0;
    const refusedAt = Number(await firstRefused([jobKey(namespace, job.id ?? '')], [isFirst]));
    const { lastSuccess } = await circuit.status();
    return lastSuccess !== null && lastSuccess.at > refusedAt;
  };
}
