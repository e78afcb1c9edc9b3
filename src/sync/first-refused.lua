-- When a job was first refused with 403 or 404.
-- KEYS 1 the job (hash, BullMQ's)
-- ARGV 1 '1' at its first attempt, which begins anew
-- Returns ms of Redis's clock; now, where it was not known or the job is gone.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = ARGV[1] ~= '1' and redis.call('HGET', KEYS[1], 'firstRefusedAt')
if known then
  return known
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'firstRefusedAt', string.format('%.0f', now))
end
return string.format('%.0f', now)
