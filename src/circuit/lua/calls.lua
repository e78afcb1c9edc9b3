-- What `acquire` and `record` begin with besides: those of one command are decided one after the other, each by itself,
-- but what was read for one of them need not be read again. A command within a script costs more than all else it does.
--
-- KEYS from 5: claim and delivered mark of each call, by turns (acquire.lua)

local RETENTION = encode(OPTIONS.deliveredRetentionMs)
local LEASE = encode(OPTIONS.leaseMs)

-- Claims and marks of all calls as they are now; false: none.
local texts

local function readText(key)
  if not texts then
    texts = {}
    for place, text in ipairs(redis.call('MGET', unpack(KEYS, 5))) do
      texts[KEYS[4 + place]] = text
    end
  end
  return texts[key]
end

local function writeText(key, text, ms)
  redis.call('SET', key, text, 'PX', ms)
  texts[key] = text
end

local function deleteText(key)
  redis.call('DEL', key)
  texts[key] = false
end

-- What was read of a calm circuit; nil as soon as a call may have moved it.
local calm
