-- May this job call Conexxus now?
-- KEYS 1-3 as in base.lua, 4 claim (string), 5 delivered mark (string)
-- ARGV 1 permission: a name nobody used before, 2 job id
-- Returns {'delivered'} | {'permitted', epoch, trial 0|1} | {'denied', reason, retryAt or '', now}
-- Promises: a permit is never given without a claim on the payload, so a Redis that can't take writes
-- says so before the call; a denial takes nothing; asked twice by one permission (a resent command), it
-- holds one claim and one trial. A claim is "permission|epoch|until|trial|job".
local claim, delivered = unpack(redis.call('MGET', KEYS[4], KEYS[5]))
if delivered then
  return { 'delivered' }
end

local now = clock()

local function deny(reason, retryAt)
  return { 'denied', reason, retryAt and encode(retryAt) or '', encode(now) }
end

-- The answer that a claim on the payload gives, or nil if it may be taken.
local function claimed()
  if not claim then
    return nil
  end
  local holder, epoch, ends, trial, job = string.match(claim, '^([^|]*)|(%d+)|(%d+)|([01])|(.*)$')
  if holder == ARGV[1] then
    return { 'permitted', epoch, tonumber(trial) }
  end
  if holder and job ~= ARGV[2] and now < tonumber(ends) then
    return deny('in-flight', tonumber(ends))
  end
  return nil
end

local function permit(epoch, trial)
  local ends = encode(now + OPTIONS.leaseMs)
  local value = table.concat({ ARGV[1], encode(epoch), ends, trial, ARGV[2] }, '|')
  redis.call('SET', KEYS[4], value, 'PX', OPTIONS.leaseMs)
  if trial == 1 then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', encode(now))
    redis.call('ZADD', KEYS[2], ends, ARGV[1])
  end
  return { 'permitted', encode(epoch), trial }
end

local calmEpoch = calm(now)
if calmEpoch then
  return claimed() or permit(calmEpoch, 0)
end

-- @machine

local circuit = read(now)

local function decide()
  local reason, retryAt = refusal(circuit, now)
  if reason then
    return deny(reason, retryAt)
  end
  local answer = claimed()
  if answer then
    return answer
  end
  if circuit.state ~= 'half-open' or circuit.bypassed then
    return permit(circuit.epoch, 0)
  end
  local inFlight = redis.call('ZCOUNT', KEYS[2], '(' .. encode(now), '+inf')
  if inFlight + circuit.successes >= OPTIONS.successThreshold then
    local first = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. encode(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    return deny('trials', tonumber(first[2]))
  end
  return permit(circuit.epoch, 1)
end

local answer = decide()
if next(circuit.changed) then
  save(circuit, now)
end
return answer
