-- What every script begins with.
--
-- KEYS of every script begin with
--   1 circuit   hash    {ns}:circuit
--   2 trials    zset    {ns}:circuit:trials  permission -> end of its lease
--   3 events    stream  {ns}:events          the outcome stream
-- OPTIONS comes before this text: the circuit's configuration as a Lua table, and OPTIONS.channel.

-- Later than any time in ms that can be meant, and exact as a number and as JSON.
local END_OF_TIME = 1e14

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A time or a count, or nil for what can't be one: `tonumber` alone also takes 'nan' and 'inf', and an
-- epoch of those would fence off every outcome for ever.
local function whole(value)
  local number = tonumber(value)
  if number and number >= 0 and number < END_OF_TIME and number == math.floor(number) then
    return number
  end
  return nil
end

local function encode(value)
  if type(value) == 'number' then
    return string.format('%.0f', value)
  end
  return value
end

-- Closed, and nothing beside the machine: then no time is due and nobody is refused. Returns epoch and
-- window, or nil. Most calls meet a calm circuit; defining the machine costs them more than all they do.
local function calm(now)
  local values = redis.pcall(
    'HMGET', KEYS[1], 'state', 'epoch', 'window', 'since', 'hold', 'bypass', 'rejections', 'cooldownMs', 'cooldownUntil'
  )
  local state, epoch, window, since, hold, bypass, rejections, cooldownMs, cooldownUntil = unpack(values)
  local isCalm = state == 'closed'
    and not (hold or bypass or cooldownMs)
    and rejections == '0'
    and (not cooldownUntil or now >= (whole(cooldownUntil) or 0))
    and whole(since)
  return isCalm and whole(epoch), window or ''
end
