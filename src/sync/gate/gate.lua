-- Queue follows circuit: pauses the queue or lifts our pause, and sets its global concurrency.
-- KEYS 1-3 as in circuit/lua/base.lua; of the BullMQ queue: 4 meta, 5 marker, 6 events, 7 wait,
--      8 prioritized, 9 delayed, 10 paused
-- ARGV 1 event backlog that pauses, 2 fleet concurrency (0: no limit), 3 ramp step in ms,
--      4 'follow', or 'look' to change nothing
-- Returns {reasons for the pause joined by ',', ms until something changes by itself or '', now}
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
local circuit = read(now)
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
  if redis.call('LLEN', KEYS[7]) + redis.call('ZCARD', KEYS[8]) > 0 then
    redis.call('ZADD', KEYS[5], 0, '0')
  else
    local nextDelayed = redis.call('ZRANGE', KEYS[9], 0, 0, 'WITHSCORES')
    if nextDelayed[2] then
      redis.call('ZADD', KEYS[5], tonumber(nextDelayed[2]) / BULLMQ_DELAY_FACTOR, '1')
    end
  end
end

local function pause()
  if redis.call('HSETNX', KEYS[4], 'paused', STAMP) == 1 then
    redis.call('DEL', KEYS[5])
    redis.call('XADD', KEYS[6], '*', 'event', 'paused')
  end
end

local function lift()
  redis.call('HDEL', KEYS[4], 'paused')
  redis.call('XADD', KEYS[6], '*', 'event', 'resumed')
  wakeWorkers()
end

-- A client of BullMQ 5 puts what it adds to a paused queue into a list that no worker of BullMQ 6 reads:
-- these jobs would wait for ever. Oldest first, behind those that wait.
local function adoptJobs()
  for adopted = 0, ADOPTED_MAX - 1 do
    if not redis.call('RPOPLPUSH', KEYS[10], KEYS[7]) then
      return adopted > 0
    end
  end
  return true
end

local reasons, reasonEnds = pauseReasons()
local concurrency, growsAt = allowedConcurrency()
local meta = redis.call('HMGET', KEYS[4], 'paused', 'concurrency')
local paused, current = meta[1], tonumber(meta[2] or 0)

if not look then
  save(circuit, now)
  if concurrency == 0 and meta[2] then
    redis.call('HDEL', KEYS[4], 'concurrency')
  elseif concurrency ~= current then
    redis.call('HSET', KEYS[4], 'concurrency', encode(concurrency))
  end
  local adopted = adoptJobs()
  local grew = current > 0 and (concurrency == 0 or concurrency > current)
  if #reasons > 0 then
    pause()
  elseif paused == STAMP then
    lift()
  elseif (grew or adopted) and not paused then
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
return { table.concat(reasons, ','), due and encode(math.max(0, due - now)) or '', encode(now) }
