-- What came of one worker's calls, as the text of its field `calls:<worker>` of the circuit:
--   slices;calls:failures;at:job
-- the slices of the window; its calls and failures that are in none of them; its last success. A slice is
-- "start:calls:failures", joined by ",", the newest first. A "!" before it all: there is more to know
-- about this worker (a row of failures, a bench), so that no short cut may be taken.
-- Pure: text in, text out.
--
-- The window is the last OPTIONS.windowMs in ten slices of Redis time. A slice drops out whole, so an
-- outcome counts for nine to ten tenths of the window, and idle time empties it without anybody touching
-- it. Slices carry their start in ms, so that workers with different windows read each other's, and none
-- starts before the circuit closed: what lies before the last closing counts no more.

local function readLine(text)
  local slices, calls, failures, at, job = string.match(text or '', '^!?([%d:,]*);(%d+):(%d+);(%d*):(.*)$')
  return {
    slices = slices or '',
    calls = tonumber(calls) or 0,
    failures = tonumber(failures) or 0,
    successAt = at ~= '' and tonumber(at) or nil,
    job = job or '',
  }
end

local function writeLine(line, isNotable)
  local at = line.successAt and encode(line.successAt) or ''
  local text = string.format('%s;%d:%d;%s:%s', line.slices, line.calls, line.failures, at, line.job)
  return isNotable and '!' .. text or text
end

-- Calls `visit` with each slice, and whether it counts in the window.
local function eachSlice(slices, now, since, visit)
  local oldest = math.floor(now / SLICE_MS) * SLICE_MS - SLICES * SLICE_MS
  local fence = since <= now and since or 0
  for start, calls, failures in string.gmatch(slices, '(%d+):(%d+):(%d+)') do
    local at = tonumber(start)
    visit(at > oldest and at >= fence and at <= now, at, tonumber(calls), tonumber(failures))
  end
end

-- The calls and failures of the window.
local function sumWindow(line, now, since)
  local sum = { calls = 0, failures = 0 }
  eachSlice(line.slices, now, since, function(counts, _, calls, failures)
    if counts then
      sum.calls, sum.failures = sum.calls + calls, sum.failures + failures
    end
  end)
  return sum
end

-- All calls and failures, whenever they were.
local function sumAll(line)
  local sum = { calls = line.calls, failures = line.failures }
  eachSlice(line.slices, 0, 0, function(_, _, calls, failures)
    sum.calls, sum.failures = sum.calls + calls, sum.failures + failures
  end)
  return sum
end

-- Counts an outcome in the window; what has dropped out of it stays in the line's own numbers.
local function countOutcome(line, now, since, failed)
  local start = sliceStart(now, since)
  local latest = { 1, failed and 1 or 0 }
  local parts = {}
  eachSlice(line.slices, now, since, function(counts, at, calls, failures)
    if not counts then
      line.calls, line.failures = line.calls + calls, line.failures + failures
    elseif at == start then
      latest = { latest[1] + calls, latest[2] + failures }
    else
      parts[#parts + 1] = string.format('%.0f:%d:%d', at, calls, failures)
    end
  end)
  table.insert(parts, 1, string.format('%.0f:%d:%d', start, latest[1], latest[2]))
  line.slices = table.concat(parts, ',')
end
