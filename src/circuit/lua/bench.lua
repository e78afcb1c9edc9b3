-- A benched worker has asked Conexxus by itself, or has another key.
-- KEYS 1-4 as in base.lua
-- ARGV 1 worker, 2 how the call ended (healthy, rate-limited, misconfigured, failed) or 'key-changed',
--      3 retryAfterMs or ''
-- Returns 1 if it counted, 0 if the worker is not benched or only a restart ends its bench.
-- Promises: its own bench alone changes; the circuit does not.

-- @include slice
-- @include window
-- @include machine
-- @include picture
-- @include workers

local now = clock()
local circuit = read(now, ARGV[1])
local ending, retryAfterMs = ARGV[2], tonumber(ARGV[3]) or 0
local bench = benchOf(circuit)
if not bench or not bench.retryAt then
  return 0
end

if ending == 'healthy' or ending == 'key-changed' then
  beginProbation(circuit, now, ending)
else
  local row = rowOf(circuit)
  if ending ~= 'rate-limited' then
    row.level = row.level + 1
  end
  bench.retryAt = now + math.max(openMsOf(row.level), ending == 'rate-limited' and retryAfterMs or 0)
  bench.triedAt = now
  set(circuit, 'bench:' .. circuit.worker, cjson.encode(bench))
  keepOwn(circuit, row)
end
save(circuit, now)
return 1
