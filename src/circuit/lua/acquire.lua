-- May this job call Conexxus now?
-- KEYS 1-3 as in machine.lua, 4 claim (string), 5 delivered mark (string)
-- ARGV 1 permission: a name nobody used before, 2 job id
-- Returns {'delivered'} | {'permitted', epoch, trial 0|1} | {'denied', reason, retryAt or '', now}
-- Promises: a permit is never given without a claim on the payload, so a Redis that can't take writes
-- says so before the call; a denial takes nothing; asked twice by one permission (a resent command), it
-- holds one claim and one trial. A claim is "permission|epoch|until|trial|job".
local payload = redis.call('MGET', KEYS[4], KEYS[5])
local claim, delivered = payload[1], payload[2]
if delivered then
  return { 'delivered' }
end

local now = clock()
local circuit = read(now)

local function deny(reason, retryAt)
  if next(circuit.changed) then
    save(circuit, now)
  end
  return { 'denied', reason, retryAt and encode(retryAt) or '', encode(now) }
end

local reason, retryAt = refusal(circuit, now)
if reason then
  return deny(reason, retryAt)
end

if claim then
  local holder, epoch, ends, trial, job = string.match(claim, '^([^|]*)|(%d+)|(%d+)|([01])|(.*)$')
  if holder == ARGV[1] then
    return { 'permitted', epoch, tonumber(trial) }
  end
  if holder and job ~= ARGV[2] and now < tonumber(ends) then
    return deny('in-flight', tonumber(ends))
  end
end

local trial = circuit.state == 'half-open' and not circuit.bypassed
if trial then
  local inFlight = redis.call('ZCOUNT', KEYS[2], '(' .. encode(now), '+inf')
  if inFlight + circuit.successes >= OPTIONS.successThreshold then
    local first = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. encode(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    return deny('trials', tonumber(first[2]))
  end
end

local ends = encode(now + OPTIONS.leaseMs)
local value = table.concat({ ARGV[1], encode(circuit.epoch), ends, trial and '1' or '0', ARGV[2] }, '|')
redis.call('SET', KEYS[4], value, 'PX', OPTIONS.leaseMs)
if trial then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', encode(now))
  redis.call('ZADD', KEYS[2], ends, ARGV[1])
end
if next(circuit.changed) then
  save(circuit, now)
end
return { 'permitted', encode(circuit.epoch), trial and 1 or 0 }
