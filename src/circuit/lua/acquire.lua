-- May this job call Conexxus now?
-- KEYS 1-4 as in base.lua, 5 claim (string), 6 delivered mark (string)
-- ARGV 1 permission: a name nobody used before, 2 job id, 3 worker
-- Returns {'delivered'} | {'permitted', epoch, trial 0|1, doubt or ''} | {'denied', reason, retryAt or '', now}
-- Promises: a permit is never given without a claim on the payload, so a Redis that can't take writes
-- says so before the call; a denial takes nothing; asked twice by one permission (a resent command), it
-- holds one claim and one trial.
--
-- A claim is "permission|epoch|until|trial|job"; recorded and not delivered, "recorded|permission". Where a
-- try of the payload has no known end, what is known of it follows: "…|trial<doubt>|job",
-- "recorded|permission|doubt".
if readText(KEYS[6]) then
  return { 'delivered' }
end
local claim = readText(KEYS[5])

local now = clock()
local ends = encode(now + OPTIONS.leaseMs)

local doubt = ''

local function permit(epoch, trial)
  local value = ARGV[1] .. '|' .. epoch .. '|' .. ends .. '|' .. trial .. doubt .. '|' .. ARGV[2]
  -- Longer than its lease: of a process that died, it says to the next one that there was a try.
  writeText(KEYS[5], value, RETENTION)
  return { 'permitted', epoch, trial, doubt }
end

-- A calm circuit: closed, nothing beside it, nobody else's claim, the worker not benched. Most calls meet it,
-- and the machine's text costs more than this answer, which the model checks against what the machine would say.
-- It stays calm for the calls after it: asking moves a circuit that is open, or under a word of a person.
if not claim then
  if not calm then
    local state, epoch, since, hold, bypass, bench, cooldownUntil = unpack(
      redis.pcall('HMGET', KEYS[1], 'state', 'epoch', 'since', 'hold', 'bypass', 'bench:' .. ARGV[3], 'cooldownUntil')
    )
    local isCalm = state == 'closed'
      and not (hold or bypass or bench)
      and (not cooldownUntil or now >= (whole(cooldownUntil) or 0))
      and isWhole(epoch)
      and isWhole(since)
    calm = isCalm and { epoch = epoch, worker = ARGV[3] } or nil
  end
  if calm and calm.worker == ARGV[3] then
    return permit(calm.epoch, 0)
  end
end

-- @include slice
-- @include window
-- @include machine
-- @include picture
-- @include workers

local function deny(reason, retryAt)
  return { 'denied', reason, retryAt and encode(retryAt) or '', encode(now) }
end

-- The answer that a claim on the payload gives, or nil if it may be taken.
local function claimed()
  if not claim then
    return nil
  end
  local holder, epoch, claimedUntil, trial, earlier, job =
    string.match(claim, '^([^|]*)|(%d+)|(%d+)|([01])(%d*)|(.*)$')
  if holder == ARGV[1] then
    return { 'permitted', epoch, tonumber(trial), earlier }
  end
  if holder and job ~= ARGV[2] and now < tonumber(claimedUntil) then
    return deny('in-flight', tonumber(claimedUntil))
  end
  -- A call that was never recorded: nobody knows its end.
  doubt = holder and '0' or string.match(claim, '^recorded|[^|]*|(%d+)$') or ''
  return nil
end

local circuit = read(now, ARGV[3])
settleProven(circuit, now)

-- The claim first: the sweep deletes, and after a delete a full Redis would take the claim.
local function permitTrial()
  local permitted = permit(encode(circuit.epoch), 1)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', encode(now))
  redis.call('ZADD', KEYS[2], ends, ARGV[1])
  return permitted
end

local function decide()
  local reason, retryAt = refusal(circuit, now)
  if reason then
    return deny(reason, retryAt)
  end
  local bench = not circuit.bypassed and benchOf(circuit)
  if bench then
    return deny('benched', bench.retryAt)
  end
  local answer = claimed()
  if answer then
    return answer
  end
  if circuit.state ~= 'half-open' or circuit.bypassed then
    return permit(encode(circuit.epoch), 0)
  end
  local inFlight = redis.call('ZCOUNT', KEYS[2], '(' .. encode(now), '+inf')
  if inFlight + circuit.successes >= OPTIONS.successThreshold then
    local first = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. encode(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    return deny('trials', tonumber(first[2]))
  end
  return permitTrial()
end

local answer = decide()
if next(circuit.changed) then
  save(circuit, now)
end
return answer
