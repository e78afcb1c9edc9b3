-- The workers: who is there, who may witness, who is benched.
--
-- Of the circuit's hash, per worker: `calls:<worker>` (window.lua); `row:<worker>`: what it has against it,
-- as JSON {failures, payload, several, crashes, crashPayload, crashSeveral, pardon, probation, level}, void
-- once an outage began or ended since; `bench:<worker>`: JSON {since, cause, retryAt, triedAt} while it is benched.
--
-- The register (KEYS[4]): worker -> "until|flag|since|entry". flag: '1' takes jobs, '0' does not, 'b' benched;
-- the entry is the worker's own JSON {name, options, …}. The gate's script writes it once a second.

local SEEN_MS = 5000
local SWEEP_MS = 2000

local function register(circuit)
  if not circuit.register then
    circuit.register = {}
    local all = redis.pcall('HGETALL', KEYS[4])
    for i = 1, all.err and 0 or #all, 2 do
      local ends, flag, since, entry = string.match(all[i + 1], '^(%d+)|([01b])|(%d+)|(.*)$')
      circuit.register[all[i]] = { ends = tonumber(ends) or 0, flag = flag, since = tonumber(since) or 0, entry = entry or '' }
    end
  end
  return circuit.register
end

local function seenText(seen)
  return string.format('%.0f|%s|%.0f|%s', seen.ends, seen.flag, seen.since, seen.entry)
end

-- Alive, as a witness: it is there, takes jobs, and is not benched. Alone: no other one is.
local function isAlone(circuit, now)
  for worker, seen in pairs(register(circuit)) do
    if worker ~= circuit.worker and seen.flag == '1' and now < seen.ends then
      return false
    end
  end
  return true
end

local function entryOf(circuit, worker)
  local seen = register(circuit)[worker]
  local decoded, entry = pcall(cjson.decode, seen and seen.entry or '')
  return decoded and type(entry) == 'table' and entry or {}
end

local function nameOf(circuit, worker)
  return entryOf(circuit, worker).name or worker
end

local function decodeField(circuit, field)
  local decoded, value = pcall(cjson.decode, circuit[field] or '')
  return decoded and type(value) == 'table' and value or nil
end

local function benchOf(circuit)
  return decodeField(circuit, 'bench:' .. circuit.worker)
end

local function rowOf(circuit)
  local row = decodeField(circuit, 'row:' .. circuit.worker) or {}
  row.level = row.level or 0
  if row.pardon ~= circuit.pardon then
    row.failures, row.crashes = nil, nil
  end
  row.failures, row.crashes, row.pardon = row.failures or 0, row.crashes or 0, circuit.pardon
  return row
end

-- Another failure, or crash, of this worker's row.
local function addFailure(row, payload)
  row.several = row.failures > 0 and (row.several or row.payload ~= payload)
  row.payload = row.failures > 0 and row.payload or payload
  row.failures = row.failures + 1
end

local function addCrash(row, payload)
  row.crashSeveral = row.crashes > 0 and (row.crashSeveral or row.crashPayload ~= payload)
  row.crashPayload = row.crashes > 0 and row.crashPayload or payload
  row.crashes = row.crashes + 1
end

-- What the code of the other workers threw, one job after the other.
local function crashesOfOthers(circuit)
  local fields = {}
  for worker in pairs(register(circuit)) do
    if worker ~= circuit.worker then
      fields[#fields + 1] = 'row:' .. worker
    end
  end
  local sum = 0
  for _, text in ipairs(#fields > 0 and redis.call('HMGET', KEYS[1], unpack(fields)) or {}) do
    local decoded, row = pcall(cjson.decode, text or '')
    if decoded and type(row) == 'table' and row.pardon == circuit.pardon then
      sum = sum + (row.crashes or 0)
    end
  end
  return sum
end

-- Writes what is known of the worker; its line is marked where there is more to know.
local function keepOwn(circuit, row, line)
  local isNotable = circuit.worker ~= '' and (row.failures + row.crashes + row.level > 0 or row.probation == true)
  set(circuit, 'row:' .. circuit.worker, isNotable and cjson.encode(row) or nil)
  local isMarked = isNotable or circuit['bench:' .. circuit.worker] ~= nil
  line = line or readLine(circuit['calls:' .. circuit.worker])
  set(circuit, 'calls:' .. circuit.worker, writeLine(line, isMarked))
end

local function finish(circuit, write)
  circuit.finishing = circuit.finishing or {}
  table.insert(circuit.finishing, write)
end

-- In the register, where it stands there.
local function setFlag(circuit, worker, flag)
  local seen = register(circuit)[worker]
  if not seen then
    return
  end
  seen.flag = flag
  finish(circuit, function()
    redis.call('HSET', KEYS[4], worker, seenText(seen))
  end)
end

local function announceWorker(circuit, now, worker, what, told)
  told.worker, told.workerId = nameOf(circuit, worker), worker
  announce(circuit, {
    dedupeKey = string.format('worker:%s:%.0f:%s:%s', worker, now, what, told.level or 0),
    type = 'conexxus.worker.' .. what,
    aggregateId = 'circuit',
    payload = told,
  })
end

-- The worker of this script is to take no job: it may be itself that is ill. The caller keeps the row.
local function benchWorker(circuit, now, row, cause)
  if row.probation then
    row.level = row.level + 1
    row.probation = nil
  end
  -- What our own code throws on every job, no health call can find mended.
  local retryAt = cause ~= 'crashing' and now + openMsOf(row.level) or nil
  local bench = { since = now, cause = cause, retryAt = retryAt, triedAt = now }
  set(circuit, 'bench:' .. circuit.worker, cjson.encode(bench))
  setFlag(circuit, circuit.worker, 'b')
  announceWorker(circuit, now, circuit.worker, 'benched', {
    cause = cause, retryAt = retryAt, failures = row.failures, crashes = row.crashes, level = row.level,
  })
end

-- Back, one slot at a time until it has delivered.
local function beginProbation(circuit, now, cause)
  local row = rowOf(circuit)
  row.probation = true
  set(circuit, 'bench:' .. circuit.worker, nil)
  keepOwn(circuit, row)
  setFlag(circuit, circuit.worker, '1')
  announceWorker(circuit, now, circuit.worker, 'returned', { cause = cause, level = row.level })
end

-- Whatever is held against any worker is over.
local function endBenches(circuit, now, cause)
  for _, field in ipairs(circuit.wipe and {} or redis.call('HKEYS', KEYS[1])) do
    local what, worker = string.match(field, '^(%a+):(.+)$')
    if what == 'bench' or what == 'row' then
      set(circuit, field, nil)
    end
    if what == 'bench' then
      setFlag(circuit, worker, '1')
      announceWorker(circuit, now, worker, 'returned', { cause = cause })
    end
  end
end

-- Each worker's window; of the own one `ownLine`, which is newer than what is stored.
local function windowsOf(circuit, now, ownLine)
  local fields = {}
  for worker in pairs(register(circuit)) do
    if worker ~= circuit.worker then
      fields[#fields + 1] = 'calls:' .. worker
    end
  end
  local windows = { sumWindow(ownLine, now, circuit.since) }
  for _, text in ipairs(#fields > 0 and redis.call('HMGET', KEYS[1], unpack(fields)) or {}) do
    windows[#windows + 1] = sumWindow(readLine(text or nil), now, circuit.since)
  end
  return windows
end
