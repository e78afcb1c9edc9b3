-- The state machine. Every script that decides begins with `read` (which applies what time alone
-- changes) and ends with `save`, so that one decision is one atomic step on one picture.
--
-- KEYS of every script begin with
--   1 circuit   hash    {ns}:circuit
--   2 trials    zset    {ns}:circuit:trials  permission -> end of its lease
--   3 events    stream  {ns}:events          the outcome stream
-- OPTIONS comes before this text: the circuit's configuration as a Lua table, and OPTIONS.channel.

-- What the hash holds of the machine: true for text, false for a number. Others' fields are left alone.
local FIELDS = {
  state = true, phase = true, epoch = false, since = false, cause = true, retryAt = false,
  failedTrials = false, successes = false, window = true, rejections = false, cooldownUntil = false,
  cooldownMs = false, floorUntil = false, rampAt = false, hold = true, bypass = true,
  healthPermission = true, healthUntil = false,
}
-- Later than any time in ms that can be meant, and exact as a number and as JSON.
local END_OF_TIME = 1e14
local COOLDOWN_MIN_MS = 1000
local COOLDOWN_MS = 5000
local COOLDOWN_MAX_MS = 900000

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A time or a count, or nil for what can't be one: `tonumber` alone also takes 'nan' and 'inf', and an
-- epoch of those would fence off every outcome for ever.
local function whole(value)
  local number = tonumber(value)
  if number and number >= 0 and number < END_OF_TIME and number == math.floor(number) then
    return number
  end
  return nil
end

local function set(circuit, field, value)
  circuit[field] = value
  circuit.changed[field] = true
end

-- Events wait in the picture until it is saved: what is announced has happened.
local function announce(circuit, event)
  circuit.announced[#circuit.announced + 1] = event
end

local function transition(circuit, now, state, cause, eventType)
  local from = circuit.state
  set(circuit, 'state', state)
  -- At least the clock, so that a wiped circuit never hands out an old epoch again.
  set(circuit, 'epoch', math.max((circuit.epoch or 0) + 1, now))
  set(circuit, 'since', now)
  set(circuit, 'cause', cause)
  local payload = { from = from, to = state, cause = cause, epoch = circuit.epoch, retryAt = circuit.retryAt }
  announce(circuit, {
    dedupeKey = string.format('circuit:%.0f', circuit.epoch),
    type = eventType,
    aggregateId = 'circuit',
    payload = payload,
  })
end

local function close(circuit, now, cause)
  for _, field in ipairs({ 'phase', 'retryAt', 'window', 'floorUntil', 'healthPermission', 'healthUntil' }) do
    set(circuit, field, nil)
  end
  for _, field in ipairs({ 'failedTrials', 'successes', 'rejections' }) do
    set(circuit, field, 0)
  end
  -- Closed within a cooldown, it begins to let calls through when that ends.
  set(circuit, 'rampAt', math.max(now, circuit.cooldownUntil or 0))
  transition(circuit, now, 'closed', cause, 'conexxus.circuit.closed')
end

local function open(circuit, now, cause)
  local openMs = math.min(OPTIONS.openMs * 2 ^ math.min(circuit.failedTrials, 40), OPTIONS.openMaxMs)
  set(circuit, 'retryAt', math.max(now + openMs, circuit.floorUntil or 0))
  for _, field in ipairs({ 'phase', 'floorUntil', 'healthPermission', 'healthUntil' }) do
    set(circuit, field, nil)
  end
  set(circuit, 'successes', 0)
  transition(circuit, now, 'open', cause, 'conexxus.circuit.opened')
end

-- A trial failed: open again, for longer. A wrong configuration says nothing about how long the API
-- needs, so it does not lengthen the open time.
local function reopen(circuit, now, cause)
  if cause ~= 'misconfigured' then
    set(circuit, 'failedTrials', circuit.failedTrials + 1)
  end
  open(circuit, now, cause)
end

local function closeIfProven(circuit, now)
  if circuit.state == 'half-open' and circuit.successes >= OPTIONS.successThreshold then
    close(circuit, now, 'recovered')
  end
end

local function halfOpen(circuit, now, cause)
  set(circuit, 'phase', 'health')
  set(circuit, 'retryAt', nil)
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

local function isSound(circuit)
  if not circuit.epoch or not circuit.since then
    return false
  end
  if circuit.state == 'closed' then
    return true
  end
  if circuit.state == 'open' then
    return circuit.retryAt ~= nil
  end
  return circuit.state == 'half-open' and (circuit.phase == 'health' or circuit.phase == 'trials')
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
  if hold or bypass then
    return
  end
  if circuit.state == 'open' and now >= circuit.retryAt then
    halfOpen(circuit, now, 'due')
  end
  -- A configuration that lowered the threshold below what was reached leaves no trial to close it.
  closeIfProven(circuit, now)
end

local function read(now)
  -- Most fields are absent most of the time: asked for by name, each would be searched for in vain.
  local values = redis.pcall('HGETALL', KEYS[1])
  local circuit = { changed = {}, announced = {} }
  if values.err then
    -- Another type of key stands there: junk.
    circuit.wipe = true
    values = {}
  end
  for i = 1, #values, 2 do
    local field, value = values[i], values[i + 1]
    local isText = FIELDS[field]
    if isText then
      circuit[field] = value
    elseif isText == false then
      circuit[field] = whole(value)
    end
  end
  circuit.failedTrials = circuit.failedTrials or 0
  circuit.successes = circuit.successes or 0
  circuit.rejections = circuit.rejections or 0
  if not isSound(circuit) then
    local cause = circuit.state and 'junk' or 'missing'
    circuit.state = nil
    circuit.failedTrials = 0
    circuit.forgetTrials = true
    close(circuit, now, circuit.wipe and 'junk' or cause)
    -- Nothing was down as far as anybody knows: the first start of an installation needs no ramp.
    set(circuit, 'rampAt', nil)
  end
  advance(circuit, now)
  return circuit
end

local function encode(value)
  if type(value) == 'number' then
    return string.format('%.0f', value)
  end
  return value
end

local function append(circuit, now, event, stale)
  if stale then
    redis.call('XADD', KEYS[3], '*', 'event', event, 'at', encode(now), 'state', circuit.state, 'stale', '1')
  else
    redis.call('XADD', KEYS[3], '*', 'event', event, 'at', encode(now), 'state', circuit.state)
  end
end

local function save(circuit, now)
  if circuit.wipe then
    redis.call('DEL', KEYS[1])
  end
  local put, drop = {}, {}
  for field in pairs(circuit.changed) do
    if circuit[field] == nil then
      drop[#drop + 1] = field
    else
      put[#put + 1] = field
      put[#put + 1] = encode(circuit[field])
    end
  end
  if #put > 0 then
    redis.call('HSET', KEYS[1], unpack(put))
  end
  if #drop > 0 then
    redis.call('HDEL', KEYS[1], unpack(drop))
  end
  if circuit.forgetTrials then
    redis.call('DEL', KEYS[2])
  end
  for _, event in ipairs(circuit.announced) do
    append(circuit, now, cjson.encode(event))
  end
  if #circuit.announced > 0 or circuit.moved then
    redis.call('PUBLISH', OPTIONS.channel, encode(circuit.epoch))
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
