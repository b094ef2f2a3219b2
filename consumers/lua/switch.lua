-- Puts the view that was built in force, in one step, and mends the counts. The old one is beside it
-- from now on: what is erased is erased there, too, until it is gone.
--
-- KEYS  1 log   2 meta
-- ARGV  1 the rebuild's word   2 the generation that was built   3 the id up to which it was filled
--       4 for how long the lease is kept (ms)   5 life of a minute's counts (ms)
--       then three for each count that is wrong: minute, name, by how much it is too low
-- Returns 1, or 0: the lease was lost, or the store has forgotten some of what was filled.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'rebuild', 'rebuild_until', 'building', 'built_to', 'window',
  'view')
local is_ours = facts[1] == ARGV[1] and tonumber(facts[2]) > now and facts[3] == ARGV[2]
if not is_ours or facts[4] ~= ARGV[3] then return 0 end

for at = 6, #ARGV, 3 do
  local minute, name, missing = view(KEYS[1], '') .. 'minute:' .. ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local count = (tonumber(redis.call('HGET', minute, name) or nil) or 0) + missing
  redis.call('HSET', minute, name, string.format('%.0f', math.max(count, 0)))
  redis.call('PEXPIRE', minute, ARGV[5])
end
redis.call('HDEL', KEYS[2], 'building', 'built_to')
redis.call('HSET', KEYS[2], 'view', ARGV[2], 'beside', facts[6] or '',
  'beside_until', string.format('%.0f', now + facts[5]),
  'rebuild_until', string.format('%.0f', now + ARGV[4]))
return 1
