-- The slice of the window (window.lua) that an outcome of now belongs to.

local SLICES = 10
local SLICE_MS = math.max(1, math.ceil(OPTIONS.windowMs / SLICES))

local function sliceStart(now, since)
  local start = math.floor(now / SLICE_MS) * SLICE_MS
  -- After a failover to a clock that is behind, the closing lies in the future.
  return since <= now and since > start and since or start
end
