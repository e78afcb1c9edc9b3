-- The window: what came of the calls of the last OPTIONS.windowMs, in ten slices of Redis time.
-- Pure: text in, text out. A slice is "index:calls:failures:streak"; slices are joined by ",", the newest
-- first.
-- A slice drops out whole, so an outcome counts for nine to ten tenths of the window, never longer,
-- and idle time empties the window without anybody touching it.

local SLICES = 10
local SLICE_MS = math.max(1, math.ceil(OPTIONS.windowMs / SLICES))

local function readWindow(text, now)
  local newest = math.floor(now / SLICE_MS)
  local window = { newest = newest, calls = 0, failures = 0, streak = 0, slices = {} }
  for index, calls, failures, streak in string.gmatch(text, '(%d+):(%d+):(%d+):(%d+)') do
    index = tonumber(index)
    if index > newest - SLICES and index <= newest then
      local slice = { index, tonumber(calls), tonumber(failures), tonumber(streak) }
      window.slices[#window.slices + 1] = slice
      window.calls = window.calls + slice[2]
      window.failures = window.failures + slice[3]
      window.streak = window.streak + slice[4]
    end
  end
  return window
end

-- Counts one outcome. A success breaks the streak wherever its failures lie.
local function countOutcome(window, failed)
  local latest = window.slices[1]
  if not latest or latest[1] ~= window.newest then
    latest = { window.newest, 0, 0, 0 }
    table.insert(window.slices, 1, latest)
  end
  latest[2] = latest[2] + 1
  window.calls = window.calls + 1
  if failed then
    latest[3] = latest[3] + 1
    latest[4] = latest[4] + 1
    window.failures = window.failures + 1
    window.streak = window.streak + 1
  elseif window.streak > 0 then
    for _, slice in ipairs(window.slices) do
      slice[4] = 0
    end
    window.streak = 0
  end
end

local function writeWindow(window)
  local parts = {}
  for i, slice in ipairs(window.slices) do
    parts[i] = table.concat(slice, ':')
  end
  return table.concat(parts, ',')
end

-- The window after a success, as text. Within a slice whose last outcome was a success no streak is left
-- anywhere, so only its number of calls changes.
local function countSuccess(text, now)
  local index, calls, failures, older = string.match(text, '^(%d+):(%d+):(%d+):0(.*)$')
  if tonumber(index) == math.floor(now / SLICE_MS) then
    return string.format('%s:%d:%s:0%s', index, calls + 1, failures, older)
  end
  local window = readWindow(text, now)
  countOutcome(window, false)
  return writeWindow(window)
end
