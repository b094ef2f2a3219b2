-- Begins a view beside the one in force. From now on entries are applied to both, and what leaves the
-- one leaves both.
--
-- KEYS  1 meta
-- ARGV  1 the rebuild's word   2 the new generation
-- Returns 1, or 0 if the lease was lost.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[1], 'rebuild', 'rebuild_until', 'window')
if facts[1] ~= ARGV[1] or tonumber(facts[2]) <= now or not facts[3] then return 0 end

redis.call('HSET', KEYS[1], 'building', ARGV[2], 'built_to', '0-0', 'beside', ARGV[2],
  'beside_until', string.format('%.0f', now + facts[3]))
return 1
