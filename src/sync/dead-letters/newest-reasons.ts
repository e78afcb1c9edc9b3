import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { jobKey, QUEUE_NAME, queuePrefix } from '../queue.ts';
import { createGrouping, type ReasonGroup } from './reason-groups.ts';
import { IS_BATCH_LUA, SPLITS } from './splits.ts';

/**
 * KEYS[1]: BullMQ's failed jobs, by time of death.
 * ARGV: what the keys of the jobs begin with, how many to look at, which were looked at last.
 * Returns {which were looked at, how many there are} where these are those looked at last, else {that, that, of those looked
 * at the batches that wait to be split, reason, ms of death, …}.
 * Promises: writes nothing, and takes no longer however many there are.
 */
const LUA = `${IS_BATCH_LUA}
local newest = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1, 'WITHSCORES')
-- Who is brought back and dies again has another time of death, and maybe another reason.
local looked, total = redis.sha1hex(table.concat(newest, ' ')), redis.call('ZCARD', KEYS[1])
if looked == ARGV[3] then
  return { looked, total }
end
local flat = { looked, total, 0 }
for place = 1, #newest, 2 do
  local key = ARGV[1] .. newest[place]
  local reason, died, splits = unpack(redis.call('HMGET', key, 'failedReason', 'finishedOn', '${SPLITS}'))
  if splits == '1' and isBatch(key) then
    flat[3] = flat[3] + 1
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

type Reply = [looked: string, total: number, toBeSplit?: number, ...deaths: string[]];

/**
 * What the newest dead letters died of: one command. Read again, it looks at them again only where somebody died meanwhile, or
 * left.
 */
export function createReasonsReader(redis: Redis, namespace: string): () => Promise<NewestReasons> {
  const script = redisScript<Reply>(redis, LUA);
  const failed = `${queuePrefix(namespace)}:${QUEUE_NAME}:failed`;
  let last:
    | { readonly looked: string; readonly told: Pick<NewestReasons, 'toBeSplit' | 'groups'> }
    | undefined;

  return async () => {
    const known = last?.looked ?? '';
    const [looked, total, toBeSplit = 0, ...flat] = await script(
      [failed],
      [jobKey(namespace, ''), LOOKED_AT, known],
    );
    if (looked !== last?.looked) last = { looked, told: { toBeSplit, groups: groupsIn(flat) } };
    return { ...last.told, total, older: Math.max(0, total - LOOKED_AT) };
  };
}

function groupsIn(flat: readonly string[]): ReasonGroup[] {
  const grouping = createGrouping();
  for (let place = 0; place < flat.length; place += 2) {
    grouping.add({ reason: flat[place] ?? '', diedAt: Number(flat[place + 1]) });
  }
  return grouping.groups();
}
