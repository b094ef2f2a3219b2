-- Tells how many listen in a web process's rooms, and learns it of the other processes.
-- flags: allow-oom (a few short fields; who is here is to be seen also when posts are refused)
--
-- Of each process that somebody listens to there are two fields: `<process>` is `<time> <version>`,
-- written at every sign of life, `<process>:rooms` its counts, written only when they changed.
-- A process without a sign of life for too long is dead, and so are its readers' connections.
--
-- KEYS  1 here
-- ARGV  1 process   2 version of its counts; 0 when nobody listens: its fields go
--       3 the counts as JSON, or '' if the store has that version
--       4 ms between two signs of life   5 ms without one after which a process is dead
--       6.. the other processes whose counts the caller has, each with their version
-- Returns {1 if the store did not have the caller's counts, or they were dead: a caller that did not
--          send them calls again with them; else 0,
--          then of each other process: its name, version, counts; '' if the caller has them}

local here, process, version, counts = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = {}
for at = 6, #ARGV, 2 do known[ARGV[at]] = ARGV[at + 1] end

-- ms since a process's last sign of life, and the version of its counts. A time ahead of the clock,
-- which was set back then, is as good as none.
local function look(name)
  local sign = redis.call('HGET', here, name) or ''
  local at, its_version = string.match(sign, '^(%d+) (%d+)$')
  if not at or tonumber(at) > now then return math.huge end
  return now - at, its_version
end

local function is_dead(age) return age > tonumber(ARGV[5]) end

local function sign()
  redis.call('HSET', here, process, string.format('%.0f %s', now, version))
  redis.call('PEXPIRE', here, ARGV[5])
end

local age, written = look(process)
local lost = is_dead(age) and 1 or 0
if version == '0' then
  lost = 0
  redis.call('HDEL', here, process, process .. ':rooms')
elseif counts ~= '' then
  redis.call('HSET', here, process .. ':rooms', counts)
  sign()
elseif written ~= version then
  lost = 1
elseif lost == 0 and age >= tonumber(ARGV[4]) then
  sign()
end

local found = {lost}
for _, name in ipairs(redis.call('HKEYS', here)) do
  local other = string.match(name, '^(.*):rooms$')
  if other and other ~= process then
    local age, its_version = look(other)
    if is_dead(age) then
      redis.call('HDEL', here, other, name)
    else
      local is_known = known[other] == its_version
      found[#found + 1] = other
      found[#found + 1] = its_version
      found[#found + 1] = is_known and '' or redis.call('HGET', here, name)
    end
  end
end
return found
