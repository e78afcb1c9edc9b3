-- What a reader sees: the picture with due changes of time applied, and nothing written.
-- KEYS 1-3 as in base.lua
-- Returns the fields of CircuitStatus as JSON.

-- @include window
-- @include machine

local now = clock()
local circuit = read(now)
local window = readWindow(circuit.window or '', now)
return cjson.encode({
  state = circuit.state,
  phase = circuit.phase or cjson.null,
  epoch = circuit.epoch,
  since = circuit.since,
  cause = circuit.cause or cjson.null,
  retryAt = circuit.retryAt or cjson.null,
  cooldownUntil = circuit.cooldownUntil and circuit.cooldownUntil > now and circuit.cooldownUntil or cjson.null,
  failures = window.streak,
  successes = circuit.successes,
  hold = circuit.held or cjson.null,
  bypass = circuit.bypassed or cjson.null,
})
