import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { redisScript } from '../base/redis.ts';

/** Held from before the call until the job is settled. */
export interface Reservation {
  /** So that another has it at once; by itself it is free some seconds after its process died. */
  release(): Promise<void>;
}

export interface FetchPlaces {
  /** Undefined where all are taken. Rejects where Redis refuses. */
  take(): Promise<Reservation | undefined>;
}

interface FetchPlacesOptions {
  readonly redis: Redis;
  readonly namespace: string;
  /** Default 15,000; renewed three times in it. */
  readonly leaseMs?: number;
}

/** A catalog may have 50 MB: this many at once are read from Conexxus, and written to Postgres, by the whole fleet. */
const PLACES = 2;
const LEASE_MS = 15_000;

const LUA = readFileSync(new URL('./fetch-places.lua', import.meta.url), 'utf8');

/** By Redis's clock, so that it matters to nobody what time it is elsewhere. */
export function createFetchPlaces({ redis, namespace, leaseMs = LEASE_MS }: FetchPlacesOptions): FetchPlaces {
  const key = `{${namespace}}:inventory:fetches`;
  const script = redisScript<0 | 1>(redis, LUA);
  return {
    async take() {
      const holder = randomUUID();
      const hold = async () => (await script([key], [holder, PLACES, leaseMs])) === 1;
      if (!(await hold())) return undefined;
      // Where Redis refuses, the lease goes on until its end, and after that it may be taken by another.
      const renewal = setInterval(() => void hold().catch(() => undefined), leaseMs / 3);
      renewal.unref();
      return {
        async release() {
          clearInterval(renewal);
          await redis.zrem(key, holder).catch(() => undefined);
        },
      };
    },
  };
}
