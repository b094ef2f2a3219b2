-- A rebuild's lease on a partition: only who holds it may build, and a holder that dies loses it.
-- flags: allow-oom (a rebuild that has filled the memory must be able to leave)
--
-- KEYS  1 meta
-- ARGV  1 the rebuild's word   2 for how long (ms)
--       3 take; keep; leave: stop building, and keep the lease; end: give it back, for nothing is left
--         of any other view
-- Returns 0 when it was done; else how many ms another rebuild may still hold the lease, or -1: it was
--         lost, and nothing was done.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[1], 'rebuild', 'rebuild_until')
local left = (tonumber(facts[2] or nil) or 0) - now

if ARGV[3] == 'take' then
  if left > 0 and facts[1] ~= ARGV[1] then return left end
  redis.call('HDEL', KEYS[1], 'building', 'built_to')
elseif facts[1] ~= ARGV[1] or left <= 0 then
  return -1
end
local until_ms = string.format('%.0f', now + ARGV[2])
redis.call('HSET', KEYS[1], 'rebuild', ARGV[1], 'rebuild_until', until_ms)
if ARGV[3] ~= 'take' and ARGV[3] ~= 'keep' then redis.call('HDEL', KEYS[1], 'building', 'built_to') end
if ARGV[3] == 'end' then
  redis.call('HDEL', KEYS[1], 'rebuild', 'rebuild_until', 'beside', 'beside_until')
end
return 0
