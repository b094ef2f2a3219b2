-- Takes away keys of a partition that a repartition has made and that never came in force.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- Whoever was held up since it looked whether it may do so is refused: by now the partition may be
-- another's, and in force.
--
-- KEYS  1 meta   then the keys
-- ARGV  1 until when the caller may do so (ms)
-- Returns how many went, or -1.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return -1 end
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'split') == 0 then return -1 end
return redis.call('UNLINK', unpack(KEYS, 2))
