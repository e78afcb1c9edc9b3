import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import type { DeadLetter } from './failed-jobs.ts';
import { REPLAYS } from './replays.ts';
import { IS_BATCH_LUA, SPLITS } from './splits.ts';

/** Of a dead letter all but its payload, which is most of it. */
export type Death = Omit<DeadLetter, 'data' | 'locationId' | 'transactionIds'>;

/**
 * KEYS[1]: BullMQ's failed jobs.
 * ARGV: what the keys of the jobs begin with, then ids.
 * Returns, of those that are dead letters, {id, name, reason, ms of death, attempts, replays, '1': a batch to be split, …}.
 * Promises: writes nothing.
 */
const LUA = `${IS_BATCH_LUA}
local flat = {}
for place = 2, #ARGV do
  local id, key = ARGV[place], ARGV[1] .. ARGV[place]
  local fields = redis.call('HMGET', key, 'name', 'failedReason', 'finishedOn', 'atm', '${REPLAYS}', '${SPLITS}')
  -- A hash that somebody deleted by hand has no name.
  if fields[1] and redis.call('ZSCORE', KEYS[1], id) then
    flat[#flat + 1] = id
    for field = 1, 5 do
      flat[#flat + 1] = fields[field] or ''
    end
    flat[#flat + 1] = fields[6] == '1' and isBatch(key) and '1' or ''
  end
end
return flat`;

const FIELDS = 7;

/** Those of the jobs that are dead letters, in one command. */
export async function readDeaths(redis: Redis, queue: Queue, ids: readonly string[]): Promise<Death[]> {
  if (ids.length === 0) return [];
  const flat = await redisScript<string[]>(redis, LUA)([queue.toKey('failed')], [queue.toKey(''), ...ids]);
  return Array.from({ length: flat.length / FIELDS }, (_, index) =>
    deathOf(flat.slice(index * FIELDS, (index + 1) * FIELDS)),
  );
}

function deathOf(fields: readonly string[]): Death {
  const [id = '', job = '', reason = '', diedAt = '', attempts = '', replays = '', splits = ''] = fields;
  return {
    id,
    job,
    diedAt: Number(diedAt),
    attempts: Number(attempts),
    reason,
    replays: Number(replays),
    ...(splits === '1' ? { toBeSplit: true } : {}),
  };
}
