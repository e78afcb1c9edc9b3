import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { jobKey, QUEUE_NAME, queuePrefix } from '../queue.ts';
import { createGrouping, type ReasonGroup } from './reason-groups.ts';
import { SPLITS } from './splits.ts';

/**
 * KEYS[1]: BullMQ's failed jobs, by time of death.
 * ARGV: what the keys of the jobs begin with, how many to look at, bytes of a batch that is looked into at most.
 * Returns {how many there are, of those looked at the batches that wait to be split, reason, ms of death, …}.
 * Promises: writes nothing, and takes no longer however many there are.
 */
const LUA = `
local flat = { redis.call('ZCARD', KEYS[1]), 0 }
local function isBatch(key)
  if redis.call('HSTRLEN', key, 'data') > tonumber(ARGV[3]) then
    return true
  end
  local isJson, data = pcall(cjson.decode, redis.call('HGET', key, 'data') or '')
  return isJson and type(data) == 'table' and type(data.transactions) == 'table' and #data.transactions > 1
end
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local key = ARGV[1] .. id
  local reason, died, splits = unpack(redis.call('HMGET', key, 'failedReason', 'finishedOn', '${SPLITS}'))
  if splits == '1' and isBatch(key) then
    flat[2] = flat[2] + 1
  else
    flat[#flat + 1] = string.sub(reason or '', 1, 4000)
    flat[#flat + 1] = died or '0'
  end
end
return flat`;

export interface NewestReasons {
  /** All dead letters, and batches that wait to be split. */
  readonly total: number;
  /** Of those looked at, batches that the relay is about to send in halves: they are nobody's business yet. */
  readonly toBeSplit: number;
  /** Older than those that were looked at. */
  readonly older: number;
  /** Of those looked at, the largest first. */
  readonly groups: readonly ReasonGroup[];
}

/** Five milliseconds of Redis, in which it does nothing else. */
const LOOKED_AT = 2_000;
const BATCH_BYTES_MAX = 64 * 1024;

/** What the newest dead letters died of: one command. */
export async function readNewestReasons(redis: Redis, namespace: string): Promise<NewestReasons> {
  const script = redisScript<[total: number, toBeSplit: number, ...string[]]>(redis, LUA);
  const failed = `${queuePrefix(namespace)}:${QUEUE_NAME}:failed`;
  const [total, toBeSplit, ...flat] = await script(
    [failed],
    [jobKey(namespace, ''), LOOKED_AT, BATCH_BYTES_MAX],
  );
  const grouping = createGrouping();
  for (let place = 0; place < flat.length; place += 2) {
    grouping.add({ reason: flat[place] ?? '', diedAt: Number(flat[place + 1]) });
  }
  return {
    total,
    toBeSplit,
    older: Math.max(0, total - LOOKED_AT),
    groups: grouping.groups(),
  };
}
