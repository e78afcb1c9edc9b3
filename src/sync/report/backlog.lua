-- How many jobs are in each state, and since when the oldest that is due has been waiting.
-- KEYS, of the BullMQ queue: 1 wait, 2 paused, 3 prioritized, 4 active, 5 delayed, 6 completed, 7 failed
-- ARGV 1 what the keys of its jobs begin with, 2 how many of those next in turn are looked at, 3 which were looked at last
-- Returns {waiting, active, delayed, completed, failed, which were looked at ('': look again), since when the oldest of these is
-- due ('': none, or they are those looked at last), since when the oldest delayed one is ('': none), now by Redis's clock}; times
-- are ms
-- Promises: writes nothing, and takes no longer however many jobs there are.

local BULLMQ_DELAY_FACTOR = 0x1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local isAnyAhead = false

-- Of a clock that is ahead of Redis's.
local function dueOf(at)
  if at and at > now then
    isAnyAhead = true
    return nil
  end
  return at
end

local function textOf(at)
  return at and string.format('%.0f', at) or ''
end

-- A sale is due since it was enqueued; one that failed by itself, since it was last tried.
local function oldestOf(ids)
  local oldest = nil
  for _, id in ipairs(ids) do
    local job = redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'processedOn', 'atm')
    local failed = tonumber(job[3] or '0') or 0
    local at = dueOf(tonumber(failed > 0 and job[2] or job[1] or ''))
    if at and (not oldest or at < oldest) then
      oldest = at
    end
  end
  return oldest
end

local ids = redis.call('LRANGE', KEYS[1], -ARGV[2], -1)
for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, ARGV[2] - 1)) do
  ids[#ids + 1] = id
end
local looked = redis.sha1hex(table.concat(ids, ' '))
local oldest = looked ~= ARGV[3] and oldestOf(ids) or nil
-- They become due where they stand.
if isAnyAhead then
  looked = ''
end
local delayed = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')

return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]) + redis.call('ZCARD', KEYS[3]),
  redis.call('LLEN', KEYS[4]),
  redis.call('ZCARD', KEYS[5]),
  redis.call('ZCARD', KEYS[6]),
  redis.call('ZCARD', KEYS[7]),
  looked,
  textOf(oldest),
  textOf(delayed[2] and dueOf(math.floor(tonumber(delayed[2]) / BULLMQ_DELAY_FACTOR))),
  textOf(now),
}
