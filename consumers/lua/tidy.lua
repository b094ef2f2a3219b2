-- Takes away keys of views that do not serve, if the lease is still held: they may be another rebuild's
-- by now.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- KEYS  1 meta   then the keys
-- ARGV  1 the rebuild's word   2 for how long its lease is kept (ms)
-- Returns how many went, or -1: the lease was lost.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[1], 'rebuild', 'rebuild_until')
if facts[1] ~= ARGV[1] or tonumber(facts[2]) <= now then return -1 end
redis.call('HSET', KEYS[1], 'rebuild_until', string.format('%.0f', now + ARGV[2]))
return redis.call('UNLINK', unpack(KEYS, 2))
