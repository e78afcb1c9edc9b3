import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisScript } from '../../base/redis.ts';
import { REPLAYS } from './replays.ts';
import { IS_BATCH_LUA, SPLITS } from './splits.ts';

/** Of a dead letter all but its payload, which is most of it. */
export interface Death {
  readonly id: string;
  /** Job name. */
  readonly job: string;
  /** Clock of the worker that gave it up. */
  readonly diedAt: number;
  readonly attempts: number;
  /** `code: message` */
  readonly reason: string;
  /** How often people brought it back before. */
  readonly replays: number;
  /** A batch that waits to be split by the relay: it is no person's business yet. */
  readonly toBeSplit?: true;
}

/**
 * KEYS[1]: BullMQ's failed jobs.
 * ARGV: what the keys of the jobs begin with, how many bytes of payloads at most (0: none are given; else the first always is), then ids.
 * Returns {how many ids were looked at}, and of those that are dead letters, all as texts, id, name, reason, ms of death, attempts,
 * replays, '1' for a batch to be split, payload.
 * Promises: writes nothing.
 */
const LUA = `${IS_BATCH_LUA}
local most, bytes, flat = tonumber(ARGV[2]), 0, { '0' }
for place = 3, #ARGV do
  local id, key = ARGV[place], ARGV[1] .. ARGV[place]
  local fields = redis.call('HMGET', key, 'name', 'failedReason', 'finishedOn', 'atm', '${REPLAYS}', '${SPLITS}')
  -- A hash that somebody deleted by hand has no name.
  if fields[1] and redis.call('ZSCORE', KEYS[1], id) then
    flat[#flat + 1] = id
    for field = 1, 5 do
      flat[#flat + 1] = fields[field] or ''
    end
    flat[#flat + 1] = fields[6] == '1' and isBatch(key) and '1' or ''
    local data = most > 0 and redis.call('HGET', key, 'data') or ''
    flat[#flat + 1] = data
    bytes = bytes + #data
  end
  flat[1] = tostring(place - 2)
  if most > 0 and bytes >= most then
    break
  end
end
return flat`;

const FIELDS = 8;

interface Found<Letter> {
  /** Of the ids; the rest is to be asked for again. */
  readonly looked: number;
  readonly found: readonly Letter[];
}

/** Those of the jobs that are dead letters, in one command; `make` is given each, and its payload as it is stored. */
export async function readDead<Letter>(
  redis: Redis,
  queue: Queue,
  ids: readonly string[],
  bytesMax: number,
  make: (death: Death, json: string) => Letter,
): Promise<Found<Letter>> {
  const script = redisScript<string[]>(redis, LUA);
  const [looked, ...flat] = await script([queue.toKey('failed')], [queue.toKey(''), bytesMax, ...ids]);
  const found = Array.from({ length: flat.length / FIELDS }, (_, index) => {
    const fields = flat.slice(index * FIELDS, (index + 1) * FIELDS);
    return make(deathOf(fields), fields.at(-1) ?? '');
  });
  return { looked: Number(looked), found };
}

/** The same without payloads. */
export async function readDeaths(
  redis: Redis,
  queue: Queue,
  ids: readonly string[],
): Promise<readonly Death[]> {
  const { found } = await readDead(redis, queue, ids, 0, (death) => death);
  return found;
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
