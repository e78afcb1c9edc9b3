-- Gives one of the few places in which a catalog may be fetched, or renews it.
-- KEYS 1 places (zset: who has one, until when)
-- ARGV 1 who asks, 2 how many places there are, 3 for how many ms
-- Returns 1 where it has one now, else 0.
-- Promises: no more places are taken than there are; of a process that died it is free once its time is over.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
