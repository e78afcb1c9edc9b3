-- The trip rule: does this window open a closed circuit? Pure; knows no state and no clock.
-- Returns the cause, or nil.
local function tripCause(window)
  if window.streak >= OPTIONS.failureThreshold then
    return 'streak'
  end
  if window.calls >= OPTIONS.minimumCalls and window.failures >= OPTIONS.failureRate * window.calls then
    return 'rate'
  end
  return nil
end
