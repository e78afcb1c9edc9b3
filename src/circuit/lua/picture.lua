-- The picture of the circuit that a script decides on: read, with what time alone changes applied, and
-- saved once, at the end.

local FIELDS = {
  'state', 'phase', 'epoch', 'since', 'cause', 'retryAt', 'failedTrials', 'successes', 'rejections',
  'cooldownUntil', 'cooldownMs', 'rampAt', 'hold', 'bypass', 'healthPermission', 'healthUntil', 'healthDoubt',
  'streak', 'streakAt', 'streakWorker', 'streakPayload', 'suspect', 'doubtWorker', 'doubtPayload', 'lonePayload',
  'limited', 'proven', 'downSince', 'downCause', 'openings', 'pardon', 'sweptAt',
}
local NUMBERS = {}
for _, field in ipairs({
  'epoch', 'since', 'retryAt', 'failedTrials', 'successes', 'rejections', 'cooldownUntil', 'cooldownMs', 'rampAt',
  'healthUntil', 'streak', 'streakAt', 'downSince', 'openings', 'pardon', 'sweptAt',
}) do
  NUMBERS[field] = true
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

-- `worker`: whose own fields are read too; '' for who has none.
local function read(now, worker)
  local names = { 'calls:' .. worker, 'row:' .. worker, 'bench:' .. worker, unpack(FIELDS) }
  local values = redis.pcall('HMGET', KEYS[1], unpack(names))
  local circuit = { changed = {}, announced = {}, worker = worker }
  if values.err then
    -- Another type of key stands there: junk.
    circuit.wipe = true
    values = {}
  end
  for i, field in ipairs(names) do
    local value = values[i]
    if value then
      circuit[field] = not NUMBERS[field] and value or whole(value)
    end
  end
  circuit.failedTrials = circuit.failedTrials or 0
  circuit.successes = circuit.successes or 0
  circuit.rejections = circuit.rejections or 0
  circuit.openings = circuit.openings or 0
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
  if circuit.opened then
    -- Only told: junk in its place must not stop an opening.
    redis.pcall('HINCRBY', KEYS[1], 'opened:' .. circuit.opened, 1)
  end
  if circuit.forgetTrials then
    redis.call('DEL', KEYS[2])
  end
  for _, finish in ipairs(circuit.finishing or {}) do
    finish()
  end
  for _, event in ipairs(circuit.announced) do
    append(circuit, now, cjson.encode(event))
  end
  if #circuit.announced > 0 or circuit.moved then
    redis.call('PUBLISH', OPTIONS.channel, encode(circuit.epoch))
  end
end
