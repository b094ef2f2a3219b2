-- Counts the entries after an id, a part at a time, so that a long log never blocks the store.
-- flags: no-writes
--
-- KEYS  1 log
-- ARGV  1 the id after which to count   2 how many at the most
-- Returns {how many, the first of them or '', the last of them or ''}.

local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
local first, last = entries[1], entries[#entries]
return {#entries, first and first[1] or '', last and last[1] or ''}
