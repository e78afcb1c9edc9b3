-- A person gives a dead letter up.
-- KEYS 1 failed (zset), 2 the job's hash, 3 the outcome stream, 4 BullMQ's events
-- ARGV 1 job id, 2 the event's JSON
-- Returns 1, or 0 where it is no dead letter any more.
-- Promises: what is not a dead letter now is left alone; the job is gone with its event, or not at all.
--
-- BullMQ's own removal takes a job from whatever state it is in, so also one that was just replayed.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
for _, suffix in ipairs({ '', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }) do
  redis.call('DEL', KEYS[2] .. suffix)
end
appendEvent(KEYS[3], ARGV[2])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 10000, '*', 'event', 'removed', 'jobId', ARGV[1], 'prev', 'failed')
return 1
