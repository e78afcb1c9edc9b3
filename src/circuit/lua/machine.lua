-- The state machine: its moves on one picture of the circuit (picture.lua reads and saves it), so that
-- one decision is one atomic step.

local COOLDOWN_MIN_MS = 1000
local COOLDOWN_MS = 5000
local COOLDOWN_MAX_MS = 900000

local function set(circuit, field, value)
  circuit[field] = value
  circuit.changed[field] = true
end

local function setAll(circuit, fields, value)
  for _, field in ipairs(fields) do
    set(circuit, field, value)
  end
end

-- Events wait in the picture until it is saved: what is announced has happened.
local function announce(circuit, event)
  circuit.announced[#circuit.announced + 1] = event
end

-- `told`: what its event tells besides.
local function transition(circuit, now, state, cause, eventType, told)
  local payload = told or {}
  payload.from = circuit.state
  set(circuit, 'state', state)
  -- At least the clock, so that a wiped circuit never hands out an old epoch again.
  set(circuit, 'epoch', math.max((circuit.epoch or 0) + 1, now))
  set(circuit, 'since', now)
  set(circuit, 'cause', cause)
  payload.to, payload.cause, payload.epoch, payload.retryAt = state, cause, circuit.epoch, circuit.retryAt
  announce(circuit, {
    dedupeKey = string.format('circuit:%.0f', circuit.epoch),
    type = eventType,
    aggregateId = 'circuit',
    payload = payload,
  })
end

-- In place of the worker, or the payload, of a streak that more than one made.
local SEVERAL = '*'
local STREAK = { 'streak', 'streakAt', 'streakWorker', 'streakPayload' }

-- Failures in a row. It ages as a whole, since calls that each take half a window would never be five
-- within one; of a clock that went back it knows nothing.
local function streakNow(circuit, now)
  local at = circuit.streakAt
  local isOver = not at or at > now or now - at > OPTIONS.streakGapMs
  return isOver and 0 or circuit.streak or 0
end

-- `window` and `floorUntil` are fields of an older version, whose workers may run beside us.
local OF_AN_OUTAGE = {
  'phase', 'retryAt', 'healthPermission', 'healthUntil', 'healthDoubt', 'doubtWorker', 'doubtPayload',
  'lonePayload', 'suspect', 'limited', 'proven', 'downSince', 'downCause', 'openings', 'window', 'floorUntil',
}

local function close(circuit, now, cause)
  local lasted = circuit.downSince and now - circuit.downSince or nil
  local told = { downSince = circuit.downSince, lastedMs = lasted, openings = circuit.openings }
  setAll(circuit, OF_AN_OUTAGE, nil)
  setAll(circuit, STREAK, nil)
  setAll(circuit, { 'failedTrials', 'successes', 'rejections' }, 0)
  -- Closed within a cooldown, it begins to let calls through when that ends.
  set(circuit, 'rampAt', math.max(now, circuit.cooldownUntil or 0))
  transition(circuit, now, 'closed', cause, 'conexxus.circuit.closed', told)
  set(circuit, 'pardon', circuit.epoch)
end

local function openMsOf(times)
  return math.min(OPTIONS.openMs * 2 ^ math.min(times, 40), OPTIONS.openMaxMs)
end

-- It is Conexxus: what its workers had against them until then is void, as it is after a closing (`pardon`).
-- `retryAfterMs`: what the failure that opens it asked for, a floor. `told`: the numbers that opened it.
local function open(circuit, now, cause, retryAfterMs, told)
  local isFirst = circuit.state == 'closed' or not circuit.downSince
  if isFirst then
    set(circuit, 'downSince', now)
    set(circuit, 'downCause', cause)
    set(circuit, 'openings', 0)
  end
  set(circuit, 'openings', circuit.openings + 1)
  set(circuit, 'retryAt', now + math.max(openMsOf(circuit.failedTrials), retryAfterMs or 0))
  setAll(circuit, { 'phase', 'healthPermission', 'healthUntil', 'healthDoubt', 'window', 'floorUntil' }, nil)
  setAll(circuit, { 'doubtWorker', 'doubtPayload' }, nil)
  setAll(circuit, STREAK, nil)
  set(circuit, 'successes', 0)
  circuit.opened = cause
  told = told or {}
  told.rejections, told.openings, told.downSince = circuit.rejections, circuit.openings, circuit.downSince
  told.suspect = circuit.suspect and cjson.decode(circuit.suspect) or nil
  transition(circuit, now, 'open', cause, 'conexxus.circuit.opened', told)
  if isFirst then
    set(circuit, 'pardon', circuit.epoch)
  end
end

-- A trial failed: open again, `lengthened` or not. A wrong configuration says nothing about how long the
-- API needs, so it does not lengthen the open time; nor does one payload alone.
local function reopen(circuit, now, cause, retryAfterMs, lengthened)
  if lengthened then
    set(circuit, 'failedTrials', circuit.failedTrials + 1)
  end
  open(circuit, now, cause, retryAfterMs)
end

local function openFirst(circuit, now, cause, retryAfterMs, told)
  set(circuit, 'failedTrials', 0)
  open(circuit, now, cause, retryAfterMs, told)
end

local function closeIfProven(circuit, now)
  if circuit.state == 'half-open' and circuit.successes >= OPTIONS.successThreshold then
    close(circuit, now, 'recovered')
  end
end

-- A configuration that lowered the threshold below what was reached leaves no trial to close it. Whoever
-- only looks, or speaks for a person, does not do this: it may have another configuration.
local function settleProven(circuit, now)
  if not (circuit.held or circuit.bypassed) then
    closeIfProven(circuit, now)
  end
end

local function halfOpen(circuit, now, cause)
  setAll(circuit, { 'retryAt', 'healthDoubt', 'doubtWorker', 'doubtPayload' }, nil)
  set(circuit, 'phase', 'health')
  set(circuit, 'successes', 0)
  circuit.forgetTrials = true
  transition(circuit, now, 'half-open', cause, 'conexxus.circuit.half_opened')
end

-- 429: everybody waits. Answers of one burst do not double the time: only a 429 after the last
-- cooldown had ended does.
local function coolDown(circuit, now, retryAfterMs)
  -- "Retry-After: 0" is no permission to ask again at once: that would be a loop as fast as the API.
  local waitMs = retryAfterMs and math.max(retryAfterMs, COOLDOWN_MIN_MS)
  if not waitMs then
    local last = circuit.cooldownMs
    waitMs = last or COOLDOWN_MS
    if last and now >= (circuit.cooldownUntil or 0) then
      waitMs = math.min(last * 2, COOLDOWN_MAX_MS)
    end
    set(circuit, 'cooldownMs', waitMs)
  end
  set(circuit, 'cooldownUntil', math.max(circuit.cooldownUntil or 0, now + waitMs))
  set(circuit, 'rampAt', circuit.cooldownUntil)
  circuit.moved = true
end

local function operatorEvent(id, action, payload)
  payload.action = action
  return {
    dedupeKey = id,
    type = 'conexxus.operator.' .. action,
    aggregateId = 'circuit',
    payload = payload,
  }
end

local function override(text, now)
  if not text then
    return nil
  end
  local decoded, value = pcall(cjson.decode, text)
  if not decoded or type(value) ~= 'table' then
    return nil
  end
  -- An end that is no time is no end: the word stands until a person takes it back.
  value['until'] = type(value['until']) == 'number' and whole(value['until']) or nil
  return value, value['until'] ~= nil and now >= value['until']
end

-- What time alone changes: overrides end, an open circuit becomes due. A hold stops the machine's
-- clock, and so does a bypass; what was due meanwhile happens when it ends.
local function advance(circuit, now)
  local bypass, bypassEnded = override(circuit.bypass, now)
  if circuit.bypass and (not bypass or bypassEnded) then
    set(circuit, 'bypass', nil)
    close(circuit, now, 'bypass-ended')
    bypass = nil
  end
  local hold, holdEnded = override(circuit.hold, now)
  if circuit.hold and (not hold or holdEnded) then
    set(circuit, 'hold', nil)
    local id = string.format('hold-ended:%.0f', hold and hold['until'] or now)
    local reason = hold and 'the hold ended' or 'the hold was unreadable'
    announce(circuit, operatorEvent(id, 'release', { actor = 'expiry', reason = reason }))
    hold = nil
    circuit.moved = true
  end
  circuit.held = hold
  circuit.bypassed = bypass
  if not (hold or bypass) and circuit.state == 'open' and now >= circuit.retryAt then
    halfOpen(circuit, now, 'due')
  end
end

-- Why nobody may call now, and until when (nil where only a person or a process's answer ends it).
-- The gate pauses the queue for exactly these reasons.
local function refusal(circuit, now)
  if circuit.held then
    return 'hold', circuit.held['until']
  end
  if circuit.bypassed then
    return nil
  end
  if circuit.state == 'open' then
    return 'open', circuit.retryAt
  end
  if circuit.cooldownUntil and now < circuit.cooldownUntil then
    return 'cooldown', circuit.cooldownUntil
  end
  if circuit.phase == 'health' then
    local leased = circuit.healthUntil and now < circuit.healthUntil
    return 'health', leased and circuit.healthUntil or nil
  end
  return nil
end
