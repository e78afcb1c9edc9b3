-- A job leaves the queue for good: a person gives a dead letter up, or the relay sends a batch in halves.
-- KEYS 1 the set it is in (failed or delayed), 2 the job's hash, 3 the outcome stream, 4 BullMQ's events,
--      5 the claim of its payload (src/circuit/claims.ts); a name that nobody uses where it may leave in doubt
-- ARGV 1 job id, 2 the event's JSON, 3 the set's name
-- Returns 1, or 0 where it is not in that set any more, or where a try of its payload has no known end.
-- Promises: what is not in that set now is left alone; the job is gone with its event, or not at all.
--
-- BullMQ's own removal takes a job from whatever state it is in, so also one that was just replayed. For the rest
-- this does as it does: what marks the next delayed job may lead a worker to look once in vain. Only the
-- deduplication key is left alone, which no dead letter has any more, and no batch ever had.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
if isInDoubt(redis.call('GET', KEYS[5])) then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
for _, suffix in ipairs({ '', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }) do
  redis.call('DEL', KEYS[2] .. suffix)
end
appendEvent(KEYS[3], ARGV[2])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 10000, '*', 'event', 'removed', 'jobId', ARGV[1], 'prev', ARGV[3])
return 1
