-- How much there is in the queue, and how old the oldest of what is due.
-- KEYS 1 wait, 2 prioritized, 3 delayed, 4 active, 5 failed, 6 outcome stream
-- ARGV 1 what a job's key begins with
-- Returns { waiting, delayed, active, failed, entries of the stream, when the oldest due job was enqueued (ms, or '') }.
-- Promises: changes nothing; costs the same however much there is.
local seconds, micros = unpack(redis.call('TIME'))
local now = seconds * 1000 + math.floor(micros / 1000)
local first = {
  -- Jobs are taken from the end; those handed back are put there.
  redis.call('LINDEX', KEYS[1], -1),
  redis.call('ZRANGE', KEYS[2], 0, 0)[1],
}
local id, score = unpack(redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES'))
-- Due, and left where it is while the queue is paused. BullMQ keeps the time in the upper bits of the score.
if id and math.floor(score / 0x1000) <= now then
  first[3] = id
end
local oldest
for place = 1, 3 do
  local at = first[place] and tonumber(redis.call('HGET', ARGV[1] .. first[place], 'timestamp') or '')
  if at and (not oldest or at < oldest) then
    oldest = at
  end
end
return {
  redis.call('LLEN', KEYS[1]) + redis.call('ZCARD', KEYS[2]),
  redis.call('ZCARD', KEYS[3]),
  redis.call('LLEN', KEYS[4]),
  redis.call('ZCARD', KEYS[5]),
  redis.call('XLEN', KEYS[6]),
  oldest and string.format('%.0f', oldest) or '',
}
