-- The trip rule: what opens a closed circuit? Pure; knows no state and no clock.
-- A failure has three parties: the worker, the payload, and Conexxus, whose circuit this is. So a streak
-- counts if two workers saw it, or if one payload made all of it (it is named as the suspect); one worker
-- failing with many payloads is that worker's trouble. A rate counts if it is one without its worst
-- worker too. Where no other worker is alive, the only one is believed.

local function isTooMany(window)
  -- Divided, not multiplied: 0.07 * 100 is above 7, while 7 / 100 is what 0.07 reads as.
  return window.failures / window.calls >= OPTIONS.failureRate
end

-- `streak` {count, worker, payload}, worker and payload SEVERAL where there were more than one;
-- `windows`: a {calls, failures} of each worker. Returns the cause, or nil.
local function tripCause(streak, windows, alone)
  if streak.count >= OPTIONS.failureThreshold then
    if alone or streak.worker == SEVERAL or streak.payload ~= SEVERAL then
      return 'streak'
    end
  end
  local all = { calls = 0, failures = 0 }
  local worst = { calls = 0, failures = 0 }
  for _, window in ipairs(windows) do
    all.calls = all.calls + window.calls
    all.failures = all.failures + window.failures
    if window.failures > worst.failures or (window.failures == worst.failures and window.calls < worst.calls) then
      worst = window
    end
  end
  if all.calls < OPTIONS.minimumCalls or not isTooMany(all) then
    return nil
  end
  local others = { calls = all.calls - worst.calls, failures = all.failures - worst.failures }
  if alone or (others.failures >= OPTIONS.failureThreshold and isTooMany(others)) then
    return 'rate'
  end
  return nil
end
