-- Whose sales are next in turn.
-- KEYS, of the BullMQ queue: 1 wait, 2 prioritized, 3 delayed
-- ARGV 1 what the keys of its jobs begin with, 2 how many of each list are looked at, 3 bytes of a payload at most,
--      4 which were looked at last
-- Returns { which were looked at } where these are those looked at last, else { that, how many, location, jobs, ms since
-- 1970 of the oldest, … }; those of no known location are under ''.
-- Promises: changes nothing; costs the same however much waits.
local ids = {}

local function add(list)
  for _, id in ipairs(list) do
    ids[#ids + 1] = id
  end
end

add(redis.call('LRANGE', KEYS[1], -ARGV[2], -1))
add(redis.call('ZRANGE', KEYS[2], 0, ARGV[2] - 1))
add(redis.call('ZRANGE', KEYS[3], 0, ARGV[2] - 1))
local looked = redis.sha1hex(table.concat(ids, ' '))
if looked == ARGV[4] then
  return { looked }
end

local counts, oldest = {}, {}
for _, id in ipairs(ids) do
  local key = ARGV[1] .. id
  local data = ''
  -- A catalogue of a day would cost as much as all the others.
  if redis.call('HSTRLEN', key, 'data') <= tonumber(ARGV[3]) then
    data = redis.call('HGET', key, 'data') or ''
  end
  local location = string.match(data, '"locationId"%s*:%s*"([^"\\]*)"') or ''
  local at = tonumber(redis.call('HGET', key, 'timestamp') or '')
  counts[location] = (counts[location] or 0) + 1
  if at and at < (oldest[location] or math.huge) then
    oldest[location] = at
  end
end

local reply = { looked, #ids }
for location, count in pairs(counts) do
  reply[#reply + 1] = location
  reply[#reply + 1] = count
  reply[#reply + 1] = oldest[location] and string.format('%.0f', oldest[location]) or ''
end
return reply
