import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { redisScript } from './redis.ts';

/** Of several processes that could do something, one does. */
export interface RedisLease {
  /** Of this holder; random. */
  readonly owner: string;
  /** Whether it is this holder's, by Redis; takes it where it is free. */
  readonly hold: () => Promise<boolean>;
  /** So that another takes over at once. */
  readonly release: () => Promise<void>;
}

/**
 * KEYS[1]: the lease. ARGV: owner, ms.
 * Returns 1 where it is the owner's now.
 */
const HOLD = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** KEYS[1]: the lease. ARGV: owner. */
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** A holder that died, or did not hold it again for `leaseMs`, is replaced. Rejects as Redis does. */
export function createRedisLease(redis: Redis, key: string, leaseMs: number): RedisLease {
  const owner = randomUUID();
  const hold = redisScript<0 | 1>(redis, HOLD);
  const release = redisScript<0 | 1>(redis, RELEASE);
  return {
    owner,
    hold: async () => (await hold([key], [owner, leaseMs])) === 1,
    async release() {
      await release([key], [owner]);
    },
  };
}
