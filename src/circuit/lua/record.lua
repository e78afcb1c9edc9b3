-- What came of a permitted call.
-- KEYS 1-4 as in base.lua, 5 claim (acquire.lua), 6 delivered mark
-- ARGV 1 permission, 2 effect (success failure misconfigured rate-limited rejected crashed ignored),
--      3 '1' to set the delivered mark, 4 retryAfterMs or '', 5 the event's JSON, 6 worker,
--      7 what stands for the payload as evidence, '' if it is the payload, 8 JSON of what went wrong, kept
--      as the last failure, 9 what the next try has to know of this one, or ''
-- Returns {'recorded' | 'stale' | 'repeated', state after, moved 0|1, verdict or '', waitMs or ''}
--   verdict: 'benched': it may be this worker; 'suspect': it may be this payload; 'alone': this payload
--   alone is rate limited. waitMs: after a 429, how long its job is to wait.
-- Promises: window, transition, delivered mark and event together or not at all; the second record of
-- a permission does nothing; the result of a permission that was taken over, ran out or is of an older
-- epoch is logged and moves nothing, but a delivery always sets its mark. Its first write deletes, so
-- that it works on a full Redis.
local permission, effect, delivered = ARGV[1], ARGV[2], ARGV[3] == '1'
local now = clock()
local claim = readText(KEYS[5])
local holder, epoch, ends, trial, earlier, job =
  string.match(claim or '', '^([^|]*)|(%d+)|(%d+)|([01])(%d*)|(.*)$')

local ours = holder == permission
if ours then
  deleteText(KEYS[5])
end

-- So that the same permission, recorded again, is known, and the next try of the payload knows of this one.
local function remember()
  if delivered then
    writeText(KEYS[6], permission, RETENTION)
  elseif ours or not claim then
    local doubt = ARGV[9] ~= '' and ARGV[9] or ours and earlier or ''
    if doubt == '' then
      writeText(KEYS[5], 'recorded|' .. permission, LEASE)
    else
      writeText(KEYS[5], 'recorded|' .. permission .. '|' .. doubt, RETENTION)
    end
  end
end

-- @include slice

-- The most frequent outcome, for its speed: what the machine would do below, which the model checks.
if ours and effect == 'success' and now < tonumber(ends) then
  local field = 'calls:' .. ARGV[6]
  if not calm then
    local state, current, since, streak, rejections, hold, bypass, cooldownMs, limited, line = unpack(
      redis.pcall('HMGET', KEYS[1], 'state', 'epoch', 'since', 'streak', 'rejections', 'hold', 'bypass', 'cooldownMs',
        'limited', field)
    )
    local isCalm = state == 'closed' and isWhole(since) and rejections == '0'
    if isCalm and not (streak or hold or bypass or cooldownMs or limited) then
      local start, calls, rest = string.match(line or '', '^(%d+):(%d+)(:[^;]*;[^;]*;)')
      if tonumber(start) == sliceStart(now, tonumber(since)) then
        calm = { epoch = current, field = field, start = start, calls = tonumber(calls), rest = rest }
      end
    end
  end
  if calm and calm.epoch == epoch and calm.field == field then
    local at = encode(now)
    local calls = calm.calls + 1
    redis.call('HSET', KEYS[1], field, calm.start .. ':' .. calls .. calm.rest .. at .. ':' .. job)
    calm.calls = calls
    remember()
    redis.call('XADD', KEYS[3], '*', 'event', ARGV[5], 'at', at, 'state', 'closed')
    return { 'recorded', 'closed', 0, '', '' }
  end
end
calm = nil

-- @include window
-- @include machine
-- @include picture
-- @include workers
-- @include rules
-- @include evidence

-- pcall: junk in place of the trials must not cost an outcome its record.
local gaveBack = redis.pcall('ZREM', KEYS[2], permission)

local circuit = read(now, ARGV[6])
settleProven(circuit, now)
local spent = string.match(claim or '', '^recorded|([^|]*)')
if not ours and (spent == permission or readText(KEYS[6]) == permission) then
  return { 'repeated', circuit.state, 0, '', '' }
end

local current = ours and now < tonumber(ends) and tonumber(epoch) == circuit.epoch
local call = {
  -- The lists that keep it are parted by spaces, which another client's job id may hold.
  payload = ARGV[7] ~= '' and ARGV[7] or (string.gsub(string.match(KEYS[5], ':claim:(.*)$'), '%s', '_')),
  job = job,
  trial = trial == '1',
  retryAfterMs = tonumber(ARGV[4]),
}

-- Returns the verdict and how long the job is to wait, each or nil.
local function judge(row, line)
  if effect == 'success' then
    succeed(circuit, now, call, row, line)
  elseif effect == 'rate-limited' then
    return limitRate(circuit, now, call)
  elseif effect == 'rejected' then
    reject(circuit, now)
  elseif effect == 'misconfigured' then
    return misconfigured(circuit, now, call, row)
  elseif benchOf(circuit) then
    return 'benched'
  elseif effect == 'failure' and circuit.state == 'closed' then
    return failClosed(circuit, now, call, row, line)
  elseif effect == 'failure' and call.trial then
    return failTrial(circuit, now, call, row)
  elseif effect == 'crashed' then
    return crash(circuit, now, call, row)
  end
  return nil
end

-- A bypass counts nothing: it is a person's word that calls go out whatever comes of them.
local verdict, waitMs
if current and not circuit.bypassed and effect ~= 'ignored' then
  local row, line = rowOf(circuit), readLine(circuit['calls:' .. circuit.worker])
  local failed = effect == 'failure' or effect == 'misconfigured'
  if effect ~= 'crashed' then
    row.crashes = 0
  end
  if failed then
    set(circuit, 'lastFailure', encode(now) .. '|' .. ARGV[8])
  end
  local counted = line.slices
  verdict, waitMs = judge(row, line)
  if line.slices == counted and (failed or effect == 'success') then
    -- Not in the window, but in the totals.
    line.calls, line.failures = line.calls + 1, line.failures + (failed and 1 or 0)
  end
  keepOwn(circuit, row, line)
end

remember()
append(circuit, now, ARGV[5], not current)
-- A trial given back wakes those who wait for one in their slots.
circuit.moved = circuit.moved or gaveBack == 1
local moved = #circuit.announced > 0 or circuit.moved
save(circuit, now)
return { current and 'recorded' or 'stale', circuit.state, moved and 1 or 0, verdict or '', waitMs and encode(waitMs) or '' }
