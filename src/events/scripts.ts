// Each script is one step on the outcome stream; the keys' names are made in TypeScript.

/** For scripts elsewhere, whose deed and its event are one step: `appendEvent(stream, event as JSON)`. */
export const APPEND_EVENT = `
local function appendEvent(stream, event)
  local now = redis.call('TIME')
  local at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
  return redis.call('XADD', stream, '*', 'event', event, 'at', at)
end
`;

/**
 * KEYS[1]: the outcome stream.
 * ARGV[1]: the event as JSON.
 * Returns the id of the new entry.
 * Promises to append also at `maxmemory`, where Redis refuses only a script whose first write may grow:
 * so it begins by deleting an entry that never exists.
 */
export const APPEND = `${APPEND_EVENT}
redis.call('XDEL', KEYS[1], '0-1')
return appendEvent(KEYS[1], ARGV[1])
`;

/**
 * KEYS[1]: the outcome stream.
 * ARGV: group, entry ids.
 * Returns how many entries it deleted.
 * Promises that none of them is in the stream or pending any more, at `maxmemory` too, where Redis refuses
 * these same commands in a MULTI.
 */
export const SETTLE = `
local deleted = redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
redis.call('XACK', KEYS[1], unpack(ARGV))
return deleted
`;

/**
 * KEYS: the outcome stream, the stream of the refused.
 * ARGV: group, entry id, reason, the entry's fields as a JSON array.
 * Returns 1, or 0 where another reader settled or refused the entry before.
 * Promises that the entry is in exactly one of the two, at `maxmemory` too (it begins with a deletion).
 */
export const REFUSE = `
local deleted = redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if deleted == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'id', ARGV[2], 'reason', ARGV[3], 'entry', ARGV[4])
return 1
`;

/**
 * KEYS[1]: the outcome stream.
 * ARGV: group, ms.
 * Returns how many readers it removed: those not seen for so long that have nothing pending.
 * Promises to leave whoever has something pending: Redis would forget those entries with them.
 */
export const FORGET_DEAD_READERS = `
local removed = 0
for _, reader in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local of = {}
  for i = 1, #reader, 2 do of[reader[i]] = reader[i + 1] end
  if of.pending == 0 and of.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
    removed = removed + 1
  end
end
return removed
`;
