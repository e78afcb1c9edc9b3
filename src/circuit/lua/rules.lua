-- The trip rule: does this window open a closed circuit? Pure; knows no state and no clock.
-- Returns the cause, or nil.
local function tripCause(window)
  if window.streak >= OPTIONS.failureThreshold then
    return 'streak'
  end
  -- Divided, not multiplied: 0.07 * 100 is above 7, while 7 / 100 is what 0.07 reads as.
  if window.calls >= OPTIONS.minimumCalls and window.failures / window.calls >= OPTIONS.failureRate then
    return 'rate'
  end
  return nil
end
