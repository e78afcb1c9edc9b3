import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { createRedisLease } from '../../base/redis-lease.ts';
import { type Memory, memorySchema, NOTHING_KNOWN } from './incidents.ts';
import type { MemoryStore } from './postgres-memory.ts';

/**
 * KEYS: the lease, the memory. ARGV: owner, ms, the memory as JSON.
 * Returns 1 where nobody else took the turn, and the memory was written.
 */
const SAVE = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
return 1`;

/** A copy of what is in Postgres, and the only one while that is away. */
export function createRedisMemory(redis: Redis, namespace: string, leaseMs: number): MemoryStore {
  const leaseKey = `{${namespace}}:alerts:sender`;
  const memoryKey = `{${namespace}}:alerts:memory`;
  const { owner, hold, release } = createRedisLease(redis, leaseKey, leaseMs);
  const save = redisScript<0 | 1>(redis, SAVE);
  return {
    take: async () => ((await hold()) ? parsed(await redis.get(memoryKey)) : null),
    save: async (memory) =>
      (await save([leaseKey, memoryKey], [owner, leaseMs, JSON.stringify(memory)])) === 1,
    release,
  };
}

/** Of another version's, or a person's, nothing is known. */
function parsed(json: string | null): Memory {
  if (json === null) return NOTHING_KNOWN;
  try {
    return memorySchema.parse(JSON.parse(json));
  } catch {
    return NOTHING_KNOWN;
  }
}
