-- What an outcome says about Conexxus, and what about the worker that called or the payload that was sent.
-- Each returns the verdict on the call: 'benched' (its worker's trouble), 'suspect' (its payload's), or nil.

local function accuse(circuit, now, payload, job)
  set(circuit, 'suspect', cjson.encode({ payload = payload, jobId = job, since = now }))
end

local function streakOf(circuit)
  return { count = circuit.streak or 0, worker = circuit.streakWorker, payload = circuit.streakPayload }
end

local function countStreak(circuit, now, payload)
  local count = streakNow(circuit, now)
  local worker = circuit.worker == '' and SEVERAL or circuit.worker
  set(circuit, 'streak', count + 1)
  set(circuit, 'streakAt', now)
  set(circuit, 'streakWorker', (count == 0 or circuit.streakWorker == worker) and worker or SEVERAL)
  set(circuit, 'streakPayload', (count == 0 or circuit.streakPayload == payload) and payload or SEVERAL)
end

-- A row of failures with more than one payload, or one failure on probation, is the worker's own.
local function mayBeItself(circuit, row)
  if circuit.worker == '' then
    return false
  end
  return row.probation or (row.failures >= OPTIONS.failureThreshold and row.several)
end

local function failClosed(circuit, now, call, row, line)
  countOutcome(line, now, circuit.since, true)
  addFailure(row, call.payload)
  countStreak(circuit, now, call.payload)
  local streak, windows = streakOf(circuit), windowsOf(circuit, now, line)
  -- An older version's worker, which has no name, is believed as it was then.
  local alone = circuit.worker == '' or isAlone(circuit, now)
  local cause = tripCause(streak, windows, alone)
  if cause then
    if cause == 'streak' and streak.payload ~= SEVERAL then
      accuse(circuit, now, call.payload, call.job)
    end
    local window = { calls = 0, failures = 0 }
    for _, part in ipairs(windows) do
      window.calls, window.failures = window.calls + part.calls, window.failures + part.failures
    end
    openFirst(circuit, now, cause, call.retryAfterMs, { streak = streak.count, window = window })
  elseif not alone and mayBeItself(circuit, row) then
    benchWorker(circuit, now, row, 'failures')
    return 'benched'
  end
  return nil
end

-- A failed trial is a question, to be answered by another worker with another payload.
local function failTrial(circuit, now, call, row)
  local payload, suspect = call.payload, decodeField(circuit, 'suspect')
  if circuit.worker == '' then
    reopen(circuit, now, 'trial-failed', call.retryAfterMs, true)
    return nil
  end
  if suspect and suspect.payload == payload then
    return 'suspect'
  end
  addFailure(row, payload)
  if isAlone(circuit, now) then
    if circuit.lonePayload == payload then
      accuse(circuit, now, payload, call.job)
      return 'suspect'
    end
    local lengthened = circuit.lonePayload ~= nil
    set(circuit, 'lonePayload', payload)
    reopen(circuit, now, 'trial-failed', call.retryAfterMs, lengthened)
    return nil
  end
  -- Who is known to be ill bears no witness, neither as the first nor as the second: two of them, back from
  -- the bench each time, would keep it open for ever beside workers that are well.
  local isIll = mayBeItself(circuit, row)
  if not isIll and circuit.doubtPayload == payload then
    accuse(circuit, now, payload, call.job)
    return 'suspect'
  end
  if isIll or circuit.doubtWorker == circuit.worker then
    benchWorker(circuit, now, row, 'trials')
    return 'benched'
  end
  if circuit.doubtWorker then
    reopen(circuit, now, 'trial-failed', call.retryAfterMs, true)
    return nil
  end
  set(circuit, 'doubtWorker', circuit.worker)
  set(circuit, 'doubtPayload', payload)
  return nil
end

local function openWith(circuit, now, cause, retryAfterMs)
  if circuit.state == 'closed' then
    openFirst(circuit, now, cause, retryAfterMs)
  else
    reopen(circuit, now, cause, retryAfterMs, cause ~= 'misconfigured')
  end
end

-- A wrong key or address is its worker's, until others are refused as well: one after the other they would
-- all be benched, and back again, without anybody noticing.
local function misconfigured(circuit, now, call, row)
  if circuit.state == 'closed' then
    countStreak(circuit, now, call.payload)
  end
  local isSeenBySeveral = (circuit.streak or 0) >= OPTIONS.failureThreshold and circuit.streakWorker == SEVERAL
  if not isSeenBySeveral and benchOf(circuit) then
    return 'benched'
  elseif not isSeenBySeveral and circuit.worker ~= '' and not isAlone(circuit, now) then
    benchWorker(circuit, now, row, 'misconfigured')
    return 'benched'
  end
  openWith(circuit, now, 'misconfigured')
  return nil
end

local function reject(circuit, now)
  set(circuit, 'rejections', circuit.rejections + 1)
  if circuit.rejections >= OPTIONS.rejections then
    openWith(circuit, now, 'rejecting')
  end
end

-- Our own code threw. On one payload that is the payload's; on one after the other, this release's: its
-- worker is benched before the circuit moves. However many workers run it, no more jobs die of it than
-- rejections would stop.
local function crash(circuit, now, call, row)
  addCrash(row, call.payload)
  if circuit.worker == '' or isAlone(circuit, now) then
    reject(circuit, now)
    return nil
  end
  local wouldOpen = circuit.rejections + 1 >= OPTIONS.rejections
  local inARow = row.crashSeveral and (wouldOpen or row.crashes >= OPTIONS.failureThreshold)
  if inARow or row.crashes + crashesOfOthers(circuit) > OPTIONS.rejections then
    benchWorker(circuit, now, row, 'crashing')
    return 'benched'
  end
  if not wouldOpen then
    reject(circuit, now)
  end
  return nil
end

-- Space-separated names, the newest last, bounded.
local LISTED_MAX = 16

local function lists(text, name)
  return string.find(' ' .. (text or '') .. ' ', ' ' .. name .. ' ', 1, true) ~= nil
end

local function listed(text, more)
  local names = {}
  for name in string.gmatch((text or '') .. ' ' .. more, '%S+') do
    names[#names + 1] = name
  end
  return table.concat(names, ' ', math.max(1, #names - LISTED_MAX + 1))
end

-- A 429 stops everybody, save that of a payload which drew one before while others were delivered.
-- Returns also how long this job is to wait.
local function limitRate(circuit, now, call)
  if lists(circuit.proven, call.payload) then
    return 'alone', math.max(call.retryAfterMs or COOLDOWN_MS, COOLDOWN_MIN_MS)
  end
  coolDown(circuit, now, call.retryAfterMs)
  if not lists(circuit.limited, call.payload) then
    set(circuit, 'limited', listed(circuit.limited, call.payload))
  end
  return nil, circuit.cooldownUntil - now
end

local CLEARED = { 'cooldownMs', 'limited', 'doubtWorker', 'doubtPayload', 'lonePayload', 'streak', 'streakAt',
  'streakWorker', 'streakPayload' }

local function succeed(circuit, now, call, row, line)
  if circuit.rejections > 0 then
    set(circuit, 'rejections', 0)
  end
  if circuit.limited then
    set(circuit, 'proven', listed(circuit.proven, circuit.limited))
  end
  for _, field in ipairs(CLEARED) do
    if circuit[field] then
      set(circuit, field, nil)
    end
  end
  local suspect = decodeField(circuit, 'suspect')
  if suspect and suspect.payload == call.payload then
    set(circuit, 'suspect', nil)
  end
  local bench = benchOf(circuit)
  if bench and bench.retryAt then
    bench.retryAt = now
    set(circuit, 'bench:' .. circuit.worker, cjson.encode(bench))
  end
  -- A slot more for it, or its health call at once.
  circuit.moved = circuit.moved or row.probation == true or bench ~= nil
  row.failures, row.probation, row.level = 0, nil, 0
  line.successAt, line.job = now, call.job
  if circuit.state == 'closed' then
    countOutcome(line, now, circuit.since, false)
  elseif call.trial then
    set(circuit, 'successes', circuit.successes + 1)
    closeIfProven(circuit, now)
  end
end
