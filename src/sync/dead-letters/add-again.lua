-- A delivered payload, whose job BullMQ no longer has, is about to be added again. Runs in one transaction
-- with, and before, BullMQ's own script that adds it and ignores a job that is there.
-- KEYS 1 the job's hash, 2 delivered mark, 3 the outcome stream
-- ARGV 1 the event's JSON
-- Returns 1, or 0 where there is such a job.
-- Promises: the mark is forgotten with the event, and only where the job is added.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('DEL', KEYS[2])
appendEvent(KEYS[3], ARGV[1])
return 1
