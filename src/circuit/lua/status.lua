-- What a reader sees: the picture with due changes of time applied, and nothing written.
-- KEYS 1-4 as in base.lua
-- Returns the fields of CircuitStatus as JSON.

-- @include slice
-- @include window
-- @include machine
-- @include picture
-- @include workers

local now = clock()
local circuit = read(now, '')
local isStopped = circuit.held or circuit.bypassed

local stored = {}
local flat = redis.pcall('HGETALL', KEYS[1])
for i = 1, flat.err and 0 or #flat, 2 do
  stored[flat[i]] = flat[i + 1]
end

local function orNull(value)
  return value == nil and cjson.null or value
end

local window = { calls = 0, failures = 0 }
local totals = { calls = tonumber(stored.goneCalls) or 0, failures = tonumber(stored.goneFailures) or 0 }
local goneAt, goneWorker, goneJob = string.match(stored.lastGone or '', '^(%d+)|([^|]*)|(.*)$')
local last = goneAt and { at = tonumber(goneAt), worker = goneWorker, jobId = goneJob } or nil
local benched, openings = {}, {}
for field, value in pairs(stored) do
  local what, worker = string.match(field, '^(%a+):(.*)$')
  if what == 'opened' then
    openings[worker] = tonumber(value)
  end
  if what == 'calls' then
    local line = readLine(value)
    local all, sum = sumAll(line), sumWindow(line, now, circuit.since)
    totals.calls, totals.failures = totals.calls + all.calls, totals.failures + all.failures
    window.calls, window.failures = window.calls + sum.calls, window.failures + sum.failures
    if line.successAt and (not last or line.successAt > last.at) then
      last = { at = line.successAt, worker = nameOf(circuit, worker), jobId = line.job }
    end
  elseif what == 'bench' then
    circuit[field] = value
    local bench = decodeField(circuit, field)
    if bench then
      local retryAt = orNull(bench.retryAt)
      benched[#benched + 1] =
        { worker = nameOf(circuit, worker), workerId = worker, since = bench.since, cause = bench.cause, retryAt = retryAt }
    end
  end
end

local failedAt, failure = string.match(stored.lastFailure or '', '^(%d+)|(.*)$')
local lastFailure = nil
if failedAt then
  local decoded, told = pcall(cjson.decode, failure)
  lastFailure = decoded and type(told) == 'table' and told or {}
  lastFailure.at = tonumber(failedAt)
end

local isClosed = circuit.state == 'closed'
local isCooling = circuit.cooldownUntil and circuit.cooldownUntil > now
local isLeased = circuit.phase == 'health' and circuit.healthUntil and circuit.healthUntil > now
local trials = circuit.state == 'half-open' and not circuit.forgetTrials
    and redis.pcall('ZCOUNT', KEYS[2], '(' .. encode(now), '+inf') or 0
local outage = circuit.downSince
  and { since = circuit.downSince, cause = circuit.downCause, openings = circuit.openings } or nil

return cjson.encode({
  state = circuit.state,
  phase = orNull(circuit.phase),
  epoch = circuit.epoch,
  since = circuit.since,
  cause = orNull(circuit.cause),
  retryAt = orNull(not isStopped and circuit.retryAt or nil),
  cooldownUntil = orNull(isCooling and circuit.cooldownUntil or nil),
  failures = isClosed and streakNow(circuit, now) or 0,
  successes = circuit.successes,
  rejections = circuit.rejections,
  hold = orNull(circuit.held),
  bypass = orNull(circuit.bypassed),
  benched = #benched > 0 and benched or cjson.null,
  suspect = orNull(decodeField(circuit, 'suspect')),
  window = isClosed and window or { calls = 0, failures = 0 },
  outage = orNull(outage),
  lastFailure = orNull(lastFailure),
  lastSuccess = orNull(last),
  totals = { calls = totals.calls, successes = totals.calls - totals.failures, failures = totals.failures },
  openings = openings,
  trialsInFlight = type(trials) == 'number' and trials or 0,
  healthCallUntil = orNull(isLeased and circuit.healthUntil or nil),
  -- Somebody takes jobs: the reader is nobody, so any worker that is alive is another.
  isAnyoneAlive = not isAlone(circuit, now),
})
