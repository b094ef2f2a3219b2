-- Takes over entries that a consumer was given and has not acked, and counts them where every process
-- sees the count. Entries that were trimmed while pending are acked by the claim, and counted.
--
-- How often an entry was delivered is not raised: who begins with it says so (begin.lua).
-- flags: allow-oom (reading goes on beside a full store)
--
-- KEYS  1 log   2 meta
-- ARGV  1 group   2 our consumer   3 how long an entry must have been idle (ms)
--       4 where to look on: the cursor that the last call gave, or 0-0   5 how many
-- Returns {cursor, {{id, {names and values}, times delivered}, ...}, how many were no more}; nil while
--         the group is not there.

local log, group = KEYS[1], ARGV[1]
local claim = redis.pcall('XAUTOCLAIM', log, group, ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5],
  'JUSTID')
if claim['err'] then
  if string.find(claim['err'], 'NOGROUP') then return false end
  return claim
end
local entries = {}
for at, id in ipairs(claim[2]) do
  local entry = redis.call('XRANGE', log, id, id)[1]
  entries[at] = {id, entry[2], redis.call('XPENDING', log, group, id, id, 1)[1][4]}
end
tally(log, KEYS[2], group, 'redelivered', #entries)
tally(log, KEYS[2], group, 'expired_unprocessed', #claim[3])
return {claim[1], entries, #claim[3]}
