-- Keeping the register: a worker attends once a second, is benched or not, leaves, or dies and is swept.

-- The options of the fleet are those of the worker that started last; who only looks judges by them.
-- Returns whether the workers that are there differ in theirs.
local function keepOptions(circuit)
  local newest, newestSince, first, differ = nil, -1, nil, false
  for worker, seen in pairs(register(circuit)) do
    local options = entryOf(circuit, worker).options
    if options then
      first = first or options
      differ = differ or options ~= first
      if seen.since > newestSince then
        newest, newestSince = options, seen.since
      end
    end
  end
  if newest then
    set(circuit, 'options', newest)
  end
  return differ
end

-- What a worker leaves behind: its calls stay in the totals.
local function forget(circuit, gone)
  -- Where another type of key stands there is nothing of theirs.
  local stored = circuit.wipe and {} or redis.call('HGETALL', KEYS[1])
  local values = {}
  for i = 1, #stored, 2 do
    values[stored[i]] = stored[i + 1]
  end
  local calls, failures = tonumber(values.goneCalls) or 0, tonumber(values.goneFailures) or 0
  local lastAt = tonumber(string.match(values.lastGone or '', '^(%d+)|')) or 0
  for field, value in pairs(values) do
    local what, worker = string.match(field, '^(%a+):(.+)$')
    local isOwners = what == 'calls' or what == 'row' or what == 'bench'
    -- Also what was recorded for a worker that was swept before.
    if isOwners and (gone[worker] or not register(circuit)[worker]) then
      if what == 'calls' then
        local line = readLine(value)
        local sum = sumAll(line)
        calls, failures = calls + sum.calls, failures + sum.failures
        if (line.successAt or 0) > lastAt then
          lastAt = line.successAt
          set(circuit, 'lastGone', string.format('%.0f|%s|%s', lastAt, nameOf(circuit, worker), line.job))
        end
      end
      set(circuit, field, nil)
    end
  end
  set(circuit, 'goneCalls', calls)
  set(circuit, 'goneFailures', failures)
  for worker in pairs(gone) do
    register(circuit)[worker] = nil
    finish(circuit, function()
      redis.call('HDEL', KEYS[4], worker)
    end)
  end
end

-- Returns whether the workers' options differ, or nil where it was not looked at: the sweep is one for
-- the fleet, not one for each worker.
local function sweep(circuit, now, isNew)
  local sweptAt = circuit.sweptAt or 0
  if not isNew and sweptAt <= now and now - sweptAt < SWEEP_MS then
    return nil
  end
  set(circuit, 'sweptAt', now)
  local gone = {}
  for worker, seen in pairs(register(circuit)) do
    if now >= seen.ends then
      gone[worker] = true
    end
  end
  if next(gone) then
    forget(circuit, gone)
  end
  return keepOptions(circuit)
end

-- On a full Redis too: what begins with a deletion may write.
local function putSeen(worker, seen)
  local answer = redis.pcall('HSET', KEYS[4], worker, seenText(seen))
  if type(answer) == 'table' and answer.err then
    local isJunk = string.find(answer.err, 'WRONGTYPE', 1, true)
    if isJunk then
      redis.call('DEL', KEYS[4])
    else
      redis.call('HDEL', KEYS[4], worker)
    end
    redis.call('HSET', KEYS[4], worker, seenText(seen))
  end
end

-- The worker of this script is there. `takes`: '1' if it takes jobs; `since`: '' at its first time.
-- Returns its bench, or nil; whether its own health call is due, or it is on probation; whether the
-- options differ (nil: not looked at); since when it is there.
local function attend(circuit, now, takes, since, entry)
  local worker = circuit.worker
  local bench = benchOf(circuit)
  local seen = { ends = now + SEEN_MS, flag = bench and 'b' or takes, since = tonumber(since) or now, entry = entry }
  putSeen(worker, seen)
  if bench and isAlone(circuit, now) then
    endBenches(circuit, now, 'alone')
    -- Nobody could bear witness to what was seen until now: it is believed.
    if circuit.streak then
      set(circuit, 'streakWorker', SEVERAL)
    end
    bench = nil
  end
  local differ = sweep(circuit, now, since == '')
  if not bench then
    return nil, circuit['row:' .. worker] ~= nil and rowOf(circuit).probation == true, differ, seen.since
  end
  local stopped = circuit.held or (circuit.cooldownUntil and now < circuit.cooldownUntil)
  local closedSince = circuit.state == 'closed' and circuit.since > bench.triedAt
  local due = bench.retryAt and not stopped and (now >= bench.retryAt or closedSince)
  return bench, due == true, differ, seen.since
end

local function leave(circuit)
  forget(circuit, { [circuit.worker] = true })
end
