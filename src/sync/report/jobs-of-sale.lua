-- Finds the jobs whose data have a member with one of some texts.
-- KEYS 1 a list or a sorted set of job ids
-- ARGV 1 what a job's key begins with, 2 how many were looked at before, 3 how many are now at most,
--      4 how many bytes of data at most (the first job is always looked at), 5 the member's name,
--      6 ... the texts, as JSON
-- Returns { how many were looked at, ids }; 0: there are no more.
-- Promises: changes nothing.
local from, count, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kind = redis.call('TYPE', KEYS[1]).ok
local ids = {}
-- From the end where others are added: those that leave at the other one move none of the rest out of sight.
if kind == 'list' then
  ids = redis.call('LRANGE', KEYS[1], from, from + count - 1)
elseif kind == 'zset' then
  ids = redis.call('ZREVRANGE', KEYS[1], from, from + count - 1)
end

local function holds(data)
  for text = 6, #ARGV do
    -- The pattern alone would take many times as long.
    if string.find(data, ARGV[text], 1, true) then
      if string.find(data, '"' .. ARGV[5] .. '"%s*:%s*' .. string.gsub(ARGV[text], '%W', '%%%0')) then
        return true
      end
    end
  end
  return false
end

local found, seen, bytes = {}, 0, 0
for _, id in ipairs(ids) do
  local data = redis.call('HGET', ARGV[1] .. id, 'data') or ''
  bytes = bytes + #data
  seen = seen + 1
  if holds(data) then
    found[#found + 1] = id
  end
  if bytes >= most then
    break
  end
end
return { seen, found }
