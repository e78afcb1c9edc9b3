-- A dead letter makes room for the sale that a person edited it into.
-- KEYS 1 the failed jobs, 2 its hash, 3 claim of its payload (src/circuit/claims.ts), 4 delivered mark of that,
--      5 hash of another job with its payload, 6 hash of the new job, 7 claim of the new payload, 8 delivered mark of
--      that, 9 the outcome stream, BullMQ's 10 events, 11 wait, 12 meta, 13 active, 14 marker, 15 id, 16 what the old
--      one was replaced by (replaced-by.ts); a name that nobody uses where there is no such key
-- ARGV 1 its job id, 2 SHA-1 of its data, 3 the new job's id, 4 data, 5 options, 6 time of addition, 7 the event of the
--      old, 8 of the new, 9 '1' to do it although a try of the old has no known end, 10 a name that no other repair has,
--      11 for how many ms the queue remembers it
-- Returns 'done', or why nothing was done: 'not-dead', 'changed', 'delivered', 'elsewhere', 'in-doubt', 'known',
--   'known-delivered', 'known-in-flight'.
-- Promises: one is gone and the other there, each with its event, or neither; done again by the same name (a resent
-- command), it says that it was done. Its first write deletes, so that it works on a full Redis.
if redis.call('HGET', KEYS[6], 'repair') == ARGV[10] then
  return 'done'
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) or redis.call('EXISTS', KEYS[2]) == 0 then
  return 'not-dead'
end
if redis.sha1hex(redis.call('HGET', KEYS[2], 'data') or '') ~= ARGV[2] then
  return 'changed'
end
if redis.call('EXISTS', KEYS[4]) == 1 then
  return 'delivered'
end
if redis.call('EXISTS', KEYS[5]) == 1 then
  return 'elsewhere'
end
if ARGV[9] ~= '1' and isInDoubt(redis.call('GET', KEYS[3])) then
  return 'in-doubt'
end
if redis.call('EXISTS', KEYS[6]) == 1 then
  return 'known'
end
if redis.call('EXISTS', KEYS[8]) == 1 then
  return 'known-delivered'
end
if isInDoubt(redis.call('GET', KEYS[7])) then
  return 'known-in-flight'
end

local name = 'push_sales'
local paused, concurrency, kept = unpack(redis.call('HMGET', KEYS[12], 'paused', 'concurrency', 'opts.maxLenEvents'))
local function announce(...)
  redis.call('XADD', KEYS[10], 'MAXLEN', '~', kept or 10000, '*', 'event', ...)
end

-- As take-out.lua.
redis.call('ZREM', KEYS[1], ARGV[1])
for _, suffix in ipairs({ '', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }) do
  redis.call('DEL', KEYS[2] .. suffix)
end
redis.call('SET', KEYS[16], ARGV[3], 'PX', ARGV[11])
appendEvent(KEYS[9], ARGV[7])
announce('removed', 'jobId', ARGV[1], 'prev', 'failed')

-- As BullMQ's addStandardJob, which runs only by itself: in one transaction it would add the new one also where the old
-- one is gone. A test holds the two side by side.
redis.call('INCR', KEYS[15])
redis.call('HSET', KEYS[6], 'name', name, 'data', ARGV[4], 'opts', ARGV[5], 'timestamp', ARGV[6], 'delay', 0, 'priority', 0,
  'repair', ARGV[10])
announce('added', 'jobId', ARGV[3], 'name', name)
redis.call('LPUSH', KEYS[11], ARGV[3])
if not paused and not (concurrency and redis.call('LLEN', KEYS[13]) >= tonumber(concurrency)) then
  redis.call('ZADD', KEYS[14], 0, '0')
end
announce('waiting', 'jobId', ARGV[3])
appendEvent(KEYS[9], ARGV[8])
return 'done'
