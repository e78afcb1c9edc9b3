import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { QUEUE_NAME, queuePrefix } from '../queue.ts';

/** A store of which jobs wait. */
export interface StoreInTurn {
  /** Null: the payload names none, or is too large to be looked at. */
  readonly locationId: string | null;
  /** Of those looked at. */
  readonly jobs: number;
  /** When the oldest of these was enqueued, ms; null: it does not say. */
  readonly oldestAt: number | null;
}

export interface StoresInTurn {
  readonly lookedAt: number;
  /** The one that waits longest first. */
  readonly stores: readonly StoreInTurn[];
}

const LUA = readFileSync(new URL('./stores-in-turn.lua', import.meta.url), 'utf8');
const LISTS = ['wait', 'prioritized', 'delayed'] as const;
/** Of each list: three milliseconds of Redis in which it does nothing else. */
const LOOKED_AT = 500;
const BYTES_MAX = 32 * 1024;

type Reply = [looked: string, lookedAt?: number, ...stores: (string | number)[]];

/**
 * Of the jobs next in turn, which are the oldest ones: one command. Read again, it looks at them again only where they are
 * others.
 */
export function createStoresReader(redis: Redis, namespace: string): () => Promise<StoresInTurn> {
  const queue = `${queuePrefix(namespace)}:${QUEUE_NAME}:`;
  const keys = LISTS.map((list) => `${queue}${list}`);
  const script = redisScript<Reply>(redis, LUA);
  let last: { readonly looked: string; readonly told: StoresInTurn } | undefined;

  return async () => {
    const [looked, lookedAt = 0, ...flat] = await script(keys, [
      queue,
      LOOKED_AT,
      BYTES_MAX,
      last?.looked ?? '',
    ]);
    if (looked !== last?.looked) last = { looked, told: { lookedAt, stores: storesIn(flat) } };
    return last.told;
  };
}

function storesIn(flat: readonly (string | number)[]): StoreInTurn[] {
  const stores = flat
    .filter((_, index) => index % 3 === 0)
    .map((locationId, index): StoreInTurn => {
      const oldest = String(flat[3 * index + 2]);
      return {
        locationId: locationId === '' ? null : String(locationId),
        jobs: Number(flat[3 * index + 1]),
        oldestAt: oldest === '' ? null : Number(oldest),
      };
    });
  const age = ({ oldestAt }: StoreInTurn) => oldestAt ?? Number.POSITIVE_INFINITY;
  return stores.toSorted((a, b) => age(a) - age(b) || b.jobs - a.jobs);
}
