-- The health call, first trial of a half-open circuit: one process of the fleet makes it.
-- KEYS 1-4 as in base.lua
-- ARGV 1 permission, 2 '' to begin, or how it ended: healthy, rate-limited, misconfigured, failed,
--      3 retryAfterMs or '', 4 worker
-- Returns begin: 1 if the caller is to make the call (leased for OPTIONS.healthLeaseMs), else 0;
--         end: 1 if it counted, 0 if the lease had run out or the circuit has moved on.
-- Promises: what one worker hears is a question to a second one, where there is one; a benched worker
-- does not ask for the fleet.

-- @include slice
-- @include window
-- @include machine
-- @include picture
-- @include workers

local now = clock()
local circuit = read(now, ARGV[4])
settleProven(circuit, now)
local permission, ending = ARGV[1], ARGV[2]
local due = refusal(circuit, now) == 'health' and not benchOf(circuit)
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
    local cause = ending == 'misconfigured' and 'misconfigured' or 'health-failed'
    local row = rowOf(circuit)
    local isFirst = not circuit.healthDoubt or circuit.healthDoubt == circuit.worker
    if (isFirst or row.probation) and circuit.worker ~= '' and not isAlone(circuit, now) then
      -- Who has not delivered since it was benched bears no witness.
      if not row.probation then
        set(circuit, 'healthDoubt', circuit.worker)
      end
      benchWorker(circuit, now, row, cause)
      keepOwn(circuit, row)
    else
      reopen(circuit, now, cause, retryAfterMs, ending ~= 'misconfigured')
    end
  end
end
save(circuit, now)
return took
