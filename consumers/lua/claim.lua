-- Takes over entries that a consumer was given and has not acked, and counts them where every process
-- sees the count. Entries that were trimmed while pending are acked by the claim, and counted.
--
-- KEYS  1 log   2 meta
-- ARGV  1 group   2 our consumer   3 how long an entry must have been idle (ms)   4 how many
-- Returns {entries, how many were no more}; {} while the group is not there.

local claim = redis.pcall('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], '0-0', 'COUNT', ARGV[4])
if claim['err'] then
  if string.find(claim['err'], 'NOGROUP') then return {} end
  return claim
end
if #claim[2] > 0 then redis.call('HINCRBY', KEYS[2], 'redelivered', #claim[2]) end
if #claim[3] > 0 then redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', #claim[3]) end
return {claim[2], #claim[3]}
