-- Acks entries, and counts those that were not acked before.
-- flags: allow-oom (what was done must not be done again because the store is full)
--
-- KEYS  1 log   2 meta
-- ARGV  1 group   2 what they count as: handled, skipped or expired_unprocessed   3 then their ids
-- Returns how many of them were acked now.

local ids = {}
for at = 3, #ARGV do ids[at - 2] = ARGV[at] end
local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
tally(KEYS[1], KEYS[2], ARGV[1], ARGV[2], acked)
return acked
