-- Asks whether an entry may be begun with, and notes which attempt it is, so that one that ends its
-- consumer each time is not tried for ever.
-- flags: allow-oom (reading goes on beside a full store)
--
-- KEYS  1 log
-- ARGV  1 group   2 our consumer   3 entry id   4 the attempt's number
-- Returns 1; 0 if it is ours no more; -1 if it is no more in the log, and still ours.

local log, group, consumer, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local held = redis.pcall('XPENDING', log, group, id, id, 1, consumer)
if held['err'] or #held == 0 then return 0 end
if #redis.call('XRANGE', log, id, id) == 0 then return -1 end
redis.call('XCLAIM', log, group, consumer, 0, id, 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
