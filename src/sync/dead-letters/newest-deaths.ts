import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { jobKey, QUEUE_NAME, queuePrefix } from '../queue.ts';

/**
 * KEYS[1]: BullMQ's failed jobs, by time of death.
 * ARGV: what the keys of the jobs begin with, how many to look at.
 * Returns {how many there are, code, count, code, count, …}: the code is what the reason begins with, or ''.
 * Promises: writes nothing, and takes no longer however many there are.
 */
const LUA = `
local counts, flat = {}, { redis.call('ZCARD', KEYS[1]) }
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local reason = redis.call('HGET', ARGV[1] .. id, 'failedReason') or ''
  local code = string.match(reason, '^([%w_]+):') or ''
  counts[code] = (counts[code] or 0) + 1
end
for code, count in pairs(counts) do
  flat[#flat + 1] = code
  flat[#flat + 1] = count
end
return flat`;

export interface NewestDeaths {
  /** All dead letters, and batches that wait to be split. */
  readonly total: number;
  /** Of the newest of them: by the code that their reason begins with; '' where it has none. */
  readonly codes: readonly (readonly [code: string, count: number])[];
}

/** A thousand take Redis two milliseconds, in which it does nothing else; a hundred thousand would take a fifth of a second. */
export const DEATHS_LOOKED_AT = 1_000;

export async function readNewestDeaths(redis: Redis, namespace: string): Promise<NewestDeaths> {
  const script = redisScript<[number, ...(string | number)[]]>(redis, LUA);
  const failed = `${queuePrefix(namespace)}:${QUEUE_NAME}:failed`;
  const [total, ...flat] = await script([failed], [jobKey(namespace, ''), DEATHS_LOOKED_AT]);
  const names = flat.filter((_, index) => index % 2 === 0);
  return { total, codes: names.map((code, index) => [String(code), Number(flat[2 * index + 1])]) };
}
