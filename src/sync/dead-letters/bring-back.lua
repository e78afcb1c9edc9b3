-- A finished job is about to go back to the queue. Runs in one transaction with, and before, BullMQ's own
-- script that moves it; both find the same state, so both do it or neither.
-- KEYS 1 the set it is in (failed or completed), 2 its hash, 3 the outcome stream, 4 delivered mark to
--      forget; a name that nobody uses where there is none
-- ARGV 1 job id, 2 the event's JSON, 3 field that counts how often people brought it back
-- Returns 1, or 0 where it is not in that set any more.
-- Promises: it comes back with a full budget (BullMQ resets attempts; its count of crashes, `stc`, it does
-- not), without the error that it died of, under a new number for its next death, with its event, all or
-- nothing.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
redis.call('DEL', KEYS[4])
redis.call('HDEL', KEYS[2], 'stc', 'stacktrace')
redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
appendEvent(KEYS[3], ARGV[2])
return 1
