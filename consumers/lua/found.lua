-- Founds a partition that a repartition makes: a log without an entry, of the history that its messages
-- come from. It is in force for nobody yet, and dies by itself with its maker's lease (split.lua).
--
-- KEYS  1 log   2 meta   3 expiring   4 secret
-- ARGV  1 the repartition's word   2 for how long it lives without a sign of life (ms)
--       3 the number of partitions that there will be   4 the secret, that of the partition it comes from
--       5 until when the caller may do so (ms; drop.lua)   6 then names and values of the meta
-- Returns 1, or 0: the caller was held up, or the partition is in force.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[5]) then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 and redis.call('HEXISTS', KEYS[2], 'split') == 0 then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('XGROUP', 'CREATE', KEYS[1], 'projector', '0', 'MKSTREAM')
redis.call('HSET', KEYS[2], 'split', ARGV[1], 'partitions', ARGV[3], 'removed', 0, unpack(ARGV, 6))
redis.call('SET', KEYS[4], ARGV[4])
for at = 1, 4 do redis.call('PEXPIRE', KEYS[at], ARGV[2]) end
return 1
