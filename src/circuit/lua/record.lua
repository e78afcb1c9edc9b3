-- What came of a permitted call.
-- KEYS 1-3 as in base.lua, 4 claim, 5 delivered mark
-- ARGV 1 permission, 2 effect (success failure misconfigured rate-limited rejected ignored),
--      3 '1' to set the delivered mark, 4 retryAfterMs or '', 5 the event's JSON
-- Returns {'recorded' | 'stale' | 'repeated', state after, moved 0|1}
-- Promises: window, transition, delivered mark and event together or not at all; the second record of
-- a permission does nothing; the result of a permission that was taken over, ran out or is of an older
-- epoch is logged and moves nothing, but a delivery always sets its mark. Its first write deletes, so
-- that it works on a full Redis.
local permission, effect, delivered = ARGV[1], ARGV[2], ARGV[3] == '1'
local now = clock()
local claim = redis.call('GET', KEYS[4])
local holder, epoch, ends, trial = string.match(claim or '', '^([^|]*)|(%d+)|(%d+)|([01])|')

local ours = holder == permission
if ours then
  redis.call('DEL', KEYS[4])
end

-- So that the same permission, recorded again, is known.
local function remember()
  if delivered then
    redis.call('SET', KEYS[5], permission, 'PX', OPTIONS.deliveredRetentionMs)
  elseif ours or not claim then
    redis.call('SET', KEYS[4], 'recorded|' .. permission, 'PX', OPTIONS.leaseMs)
  end
end

-- @include window

-- The most frequent outcome, for its speed: what the machine would do below, which the model checks.
if ours and effect == 'success' and now < tonumber(ends) then
  local state, current, since, window, hold, bypass, rejections, cooldownMs = unpack(
    redis.pcall('HMGET', KEYS[1], 'state', 'epoch', 'since', 'window', 'hold', 'bypass', 'rejections', 'cooldownMs')
  )
  local isCalm = state == 'closed' and current == epoch and isWhole(since)
  if isCalm and rejections == '0' and not (hold or bypass or cooldownMs) then
    redis.call('HSET', KEYS[1], 'window', countSuccess(window or '', now))
    remember()
    redis.call('XADD', KEYS[3], '*', 'event', ARGV[5], 'at', encode(now), 'state', 'closed')
    return { 'recorded', 'closed', 0 }
  end
end

-- @include rules
-- @include machine

-- pcall: junk in place of the trials must not cost an outcome its record.
local gaveBack = redis.pcall('ZREM', KEYS[2], permission)

local circuit = read(now)
if not ours and (claim == 'recorded|' .. permission or redis.call('GET', KEYS[5]) == permission) then
  return { 'repeated', circuit.state, 0 }
end

local current = ours and now < tonumber(ends) and tonumber(epoch) == circuit.epoch

local function countClosed(failed)
  local window = readWindow(circuit.window or '', now)
  countOutcome(window, failed)
  local cause = failed and tripCause(window) or nil
  if cause then
    set(circuit, 'failedTrials', 0)
    open(circuit, now, cause)
  end
  set(circuit, 'window', writeWindow(window))
end

local function succeed()
  if circuit.rejections > 0 then
    set(circuit, 'rejections', 0)
  end
  if circuit.cooldownMs then
    set(circuit, 'cooldownMs', nil)
  end
  if circuit.state == 'closed' then
    countClosed(false)
  elseif trial == '1' then
    set(circuit, 'successes', circuit.successes + 1)
    closeIfProven(circuit, now)
  end
end

local function fail(retryAfterMs)
  if retryAfterMs then
    set(circuit, 'floorUntil', math.max(circuit.floorUntil or 0, now + retryAfterMs))
  end
  if circuit.state == 'closed' then
    countClosed(true)
  elseif trial == '1' then
    reopen(circuit, now, 'trial-failed')
  end
end

local function openWith(cause)
  if circuit.state == 'closed' then
    set(circuit, 'failedTrials', 0)
    open(circuit, now, cause)
  else
    reopen(circuit, now, cause)
  end
end

local function reject()
  set(circuit, 'rejections', circuit.rejections + 1)
  if circuit.rejections >= OPTIONS.rejections then
    openWith('rejecting')
  end
end

-- A bypass counts nothing: it is a person's word that calls go out whatever comes of them.
if current and not circuit.bypassed then
  local retryAfterMs = tonumber(ARGV[4])
  if effect == 'success' then
    succeed()
  elseif effect == 'failure' then
    fail(retryAfterMs)
  elseif effect == 'misconfigured' then
    openWith('misconfigured')
  elseif effect == 'rate-limited' then
    coolDown(circuit, now, retryAfterMs)
  elseif effect == 'rejected' then
    reject()
  end
end

remember()
append(circuit, now, ARGV[5], not current)
-- A trial given back wakes those who wait for one in their slots.
circuit.moved = circuit.moved or gaveBack == 1
local moved = #circuit.announced > 0 or circuit.moved
save(circuit, now)
return { current and 'recorded' or 'stale', circuit.state, moved and 1 or 0 }
