-- The health call, first trial of a half-open circuit: one process of the fleet makes it.
-- KEYS 1-3 as in base.lua
-- ARGV 1 permission, 2 '' to begin, or how it ended: healthy, rate-limited, misconfigured, failed,
--      3 retryAfterMs or ''
-- Returns begin: 1 if the caller is to make the call (leased for OPTIONS.healthLeaseMs), else 0;
--         end: 1 if it counted, 0 if the lease had run out or the circuit has moved on.

-- @include machine

local now = clock()
local circuit = read(now)
local permission, ending = ARGV[1], ARGV[2]
local due = refusal(circuit, now) == 'health'
local took = 0

if ending == '' then
  -- Asked again by the holder, a command was sent twice.
  if due and (now >= (circuit.healthUntil or 0) or circuit.healthPermission == permission) then
    set(circuit, 'healthPermission', permission)
    set(circuit, 'healthUntil', now + OPTIONS.healthLeaseMs)
    took = 1
  end
elseif circuit.healthPermission == permission and now < (circuit.healthUntil or 0) and not circuit.bypassed then
  took = 1
  set(circuit, 'healthPermission', nil)
  set(circuit, 'healthUntil', nil)
  local retryAfterMs = tonumber(ARGV[3])
  if ending == 'healthy' then
    set(circuit, 'phase', 'trials')
    circuit.moved = true
  elseif ending == 'rate-limited' then
    coolDown(circuit, now, retryAfterMs)
  else
    if retryAfterMs then
      set(circuit, 'floorUntil', now + retryAfterMs)
    end
    reopen(circuit, now, ending == 'misconfigured' and 'misconfigured' or 'health-failed')
  end
end
save(circuit, now)
return took
