-- How many jobs are in each state, and since when the oldest that is due has been waiting.
-- KEYS, of the BullMQ queue: 1 wait, 2 paused, 3 prioritized, 4 active, 5 delayed, 6 completed, 7 failed
-- ARGV 1 what the keys of its jobs begin with, 2 how many of those next in turn are looked at
-- Returns {waiting, active, delayed, completed, failed, ms since 1970 or '', now by Redis's clock}
-- Promises: writes nothing, and takes no longer however many jobs there are.

local BULLMQ_DELAY_FACTOR = 0x1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = nil

local function consider(at)
  if at and at <= now and (not oldest or at < oldest) then
    oldest = at
  end
end

-- A sale is due since it was enqueued; one that failed by itself, since it was last tried.
local function considerAll(ids)
  for _, id in ipairs(ids) do
    local job = redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'processedOn', 'atm')
    local failed = tonumber(job[3] or '0') or 0
    consider(tonumber(failed > 0 and job[2] or job[1] or ''))
  end
end

considerAll(redis.call('LRANGE', KEYS[1], -ARGV[2], -1))
considerAll(redis.call('ZRANGE', KEYS[3], 0, ARGV[2] - 1))
local delayed = redis.call('ZRANGE', KEYS[5], 0, 0, 'WITHSCORES')
consider(delayed[2] and math.floor(tonumber(delayed[2]) / BULLMQ_DELAY_FACTOR))

return {
  redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2]) + redis.call('ZCARD', KEYS[3]),
  redis.call('LLEN', KEYS[4]),
  redis.call('ZCARD', KEYS[5]),
  redis.call('ZCARD', KEYS[6]),
  redis.call('ZCARD', KEYS[7]),
  oldest and string.format('%.0f', oldest) or '',
  string.format('%.0f', now),
}
