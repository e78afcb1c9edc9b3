-- What every script begins with.
--
-- KEYS of every script begin with
--   1 circuit   hash    {ns}:circuit
--   2 trials    zset    {ns}:circuit:trials  permission -> end of its lease
--   3 events    stream  {ns}:events          the outcome stream
--   4 workers   hash    {ns}:circuit:workers worker -> "until|flag|since|entry" (workers.lua)
-- OPTIONS comes before this text: the circuit's configuration as a Lua table, and OPTIONS.channel.

-- Later than any time in ms that can be meant, and exact as a number and as JSON.
local END_OF_TIME = 1e14

-- One moment for all that one command decides.
local moment

local function clock()
  if not moment then
    local time = redis.call('TIME')
    moment = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return moment
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

-- Digits of a time or a count. Where text is enough it spares the way to a number and back.
local function isWhole(text)
  return text and #text <= 14 and string.find(text, '^%d+$')
end
