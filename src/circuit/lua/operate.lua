-- A person's word.
-- KEYS 1-4 as in base.lua
-- ARGV 1 action (hold release bypass trial reset), 2 actor, 3 reason, 4 until in ms or '', 5 event id
-- Returns {'done'} | {'refused', why}
-- Promises: the action and its audit event together; a refused one changes nothing.

-- @include slice
-- @include window
-- @include machine
-- @include picture
-- @include workers

local now = clock()
local circuit = read(now, '')
local action, actor, reason, ends = ARGV[1], ARGV[2], ARGV[3], whole(ARGV[4])

local function refuse(why)
  return { 'refused', why }
end

if ARGV[4] ~= '' and not ends then
  return refuse('the end is no time')
end
if ends and ends <= now then
  return refuse('the end lies in the past')
end

local word = cjson.encode({ actor = actor, reason = reason, since = now, ['until'] = ends })
if action == 'hold' then
  set(circuit, 'hold', word)
  circuit.held = cjson.decode(word)
elseif action == 'bypass' then
  set(circuit, 'bypass', word)
  circuit.bypassed = cjson.decode(word)
  endBenches(circuit, now, 'bypass')
elseif action == 'release' then
  if circuit.held then
    set(circuit, 'hold', nil)
  elseif circuit.bypassed then
    set(circuit, 'bypass', nil)
    close(circuit, now, 'bypass-ended')
  else
    return refuse('there is neither a hold nor a bypass')
  end
  advance(circuit, now)
elseif action == 'trial' then
  if circuit.held then
    return refuse('the circuit is held: release it first')
  elseif circuit.bypassed then
    return refuse('the circuit is bypassed: everything is let through')
  end
  local isCooling = circuit.cooldownUntil and now < circuit.cooldownUntil
  if circuit.state ~= 'open' and not isCooling then
    return refuse('the circuit is ' .. circuit.state .. ', neither open nor rate limited')
  end
  set(circuit, 'cooldownUntil', nil)
  if circuit.state == 'open' then
    halfOpen(circuit, now, 'trial-asked')
  end
else
  for _, field in ipairs({ 'cooldownUntil', 'cooldownMs' }) do
    set(circuit, field, nil)
  end
  circuit.forgetTrials = true
  endBenches(circuit, now, 'reset')
  close(circuit, now, 'reset')
end

announce(circuit, operatorEvent(ARGV[5], action, { actor = actor, reason = reason, ['until'] = ends }))
circuit.moved = true
save(circuit, now)
return { 'done' }
