-- Lets finished jobs go, the oldest first.
-- KEYS 1 completed (zset)
-- ARGV 1 what a job's key begins with, 2 how many stay, 3 how many go at once at most
-- Returns how many went.
-- Promises: what is not finished is left alone. Works at `maxmemory`, since it only deletes.
local count = math.min(redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2]), tonumber(ARGV[3]))
if count <= 0 then
  return 0
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, count - 1)) do
  for _, suffix in ipairs({ '', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }) do
    redis.call('DEL', ARGV[1] .. id .. suffix)
  end
  redis.call('ZREM', KEYS[1], id)
end
return count
