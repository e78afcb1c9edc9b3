-- Queue follows circuit: pauses the queue or lifts our pause, and sets its global concurrency.
-- KEYS 1-4 as in circuit/lua/base.lua; of the BullMQ queue: 5 meta, 6 marker, 7 events, 8 wait,
--      9 prioritized, 10 delayed, 11 paused
-- ARGV 1 event backlog that pauses, 2 fleet concurrency (0: no limit), 3 ramp step in ms,
--      4 'follow', 'look' to change nothing, or 'leave' for a worker's last word; and of a worker:
--      5 its id ('' for another process), 6 '1' if it takes jobs, else '0', 7 since when it is there
--      ('' the first time), 8 its entry in the register, JSON
-- Returns {reasons for the pause joined by ',', ms until something changes by itself or '', now,
--      the worker's bench as JSON or '', 1 if its own health call is due or it is on probation, else 0,
--      1 if the workers' options differ, 0 if not, '' if it was not looked at, since when it is there,
--      the circuit's state, the calls that all workers may have in flight now (0: no limit)}
-- Promises: a pause that a person set is neither lifted nor stamped; whoever runs this last leaves the
-- queue as the circuit wants it, so every process may run it at any time.
--
-- BullMQ looks only whether meta.paused exists; `circuit` in it is our stamp. Its own resume() would lift
-- anybody's pause, so the pause is lifted here, under the stamp, with the nudge that resume() gives.

local STAMP = 'circuit'
local RAMP_STEPS = 10
local BULLMQ_DELAY_FACTOR = 0x1000
local ADOPTED_MAX = 1000

local now = clock()
local circuit = read(now, ARGV[5])
local look = ARGV[4] == 'look'

local function pauseReasons()
  local reasons = {}
  local reason, ends = refusal(circuit, now)
  reasons[1] = reason
  if redis.call('XLEN', KEYS[3]) >= tonumber(ARGV[1]) then
    reasons[#reasons + 1] = 'events'
  end
  return reasons, ends
end

-- Global concurrency (0: none), and when it is due to grow.
local function allowedConcurrency()
  local fleet, stepMs = tonumber(ARGV[2]), tonumber(ARGV[3])
  if circuit.state ~= 'closed' and not circuit.bypassed then
    return OPTIONS.successThreshold, nil
  end
  if circuit.bypassed or stepMs == 0 or not circuit.rampAt then
    return fleet, nil
  end
  local step = math.max(0, math.floor((now - circuit.rampAt) / stepMs))
  local ramp = OPTIONS.successThreshold * 2 ^ math.min(step, RAMP_STEPS)
  if step >= RAMP_STEPS or (fleet > 0 and ramp >= fleet) then
    return fleet, nil
  end
  return ramp, circuit.rampAt + (step + 1) * stepMs
end

-- Idle workers sleep on the marker; without it they would notice only after their drain delay.
local function wakeWorkers()
  if redis.call('LLEN', KEYS[8]) + redis.call('ZCARD', KEYS[9]) > 0 then
    redis.call('ZADD', KEYS[6], 0, '0')
  else
    local nextDelayed = redis.call('ZRANGE', KEYS[10], 0, 0, 'WITHSCORES')
    if nextDelayed[2] then
      redis.call('ZADD', KEYS[6], tonumber(nextDelayed[2]) / BULLMQ_DELAY_FACTOR, '1')
    end
  end
end

local function pause()
  if redis.call('HSETNX', KEYS[5], 'paused', STAMP) == 1 then
    redis.call('DEL', KEYS[6])
    redis.call('XADD', KEYS[7], '*', 'event', 'paused')
  end
end

local function lift()
  redis.call('HDEL', KEYS[5], 'paused')
  redis.call('XADD', KEYS[7], '*', 'event', 'resumed')
  wakeWorkers()
end

-- A client of BullMQ 5 puts what it adds to a paused queue into a list that no worker of BullMQ 6 reads:
-- these jobs would wait for ever. Oldest first, behind those that wait.
local function adoptJobs()
  for adopted = 0, ADOPTED_MAX - 1 do
    if not redis.call('RPOPLPUSH', KEYS[11], KEYS[8]) then
      return adopted > 0
    end
  end
  return true
end

local bench, isSmall, differ, seenSince
if not look then
  settleProven(circuit, now)
end
if ARGV[4] == 'leave' then
  leave(circuit)
elseif ARGV[5] ~= '' then
  bench, isSmall, differ, seenSince = attend(circuit, now, ARGV[6], ARGV[7], ARGV[8])
end

local reasons, reasonEnds = pauseReasons()
local concurrency, growsAt = allowedConcurrency()
local meta = redis.call('HMGET', KEYS[5], 'paused', 'concurrency')
local paused, current = meta[1], tonumber(meta[2] or 0)

if not look then
  save(circuit, now)
  if concurrency == 0 and meta[2] then
    redis.call('HDEL', KEYS[5], 'concurrency')
  elseif concurrency ~= current then
    redis.call('HSET', KEYS[5], 'concurrency', encode(concurrency))
  end
  local adopted = adoptJobs()
  local grew = current > 0 and (concurrency == 0 or concurrency > current)
  if #reasons > 0 then
    pause()
  elseif paused == STAMP then
    lift()
  elseif (grew or adopted or bench) and not paused then
    -- A worker that was benched while it waited for a job may have taken the others' wake-up call.
    wakeWorkers()
  end
end

if paused and paused ~= STAMP then
  reasons[#reasons + 1] = 'operator'
end

local due = nil
for _, at in ipairs({ reasonEnds or false, growsAt or false, circuit.bypassed and circuit.bypassed['until'] or false }) do
  if at and (not due or at < due) then
    due = at
  end
end
return {
  table.concat(reasons, ','), due and encode(math.max(0, due - now)) or '', encode(now),
  bench and cjson.encode(bench) or '', isSmall and 1 or 0, differ == nil and '' or (differ and '1' or '0'),
  seenSince and encode(seenSince) or '', circuit.state, encode(concurrency),
}
