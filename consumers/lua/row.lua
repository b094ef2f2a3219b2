-- Reads one row of the view.
-- flags: no-writes
--
-- KEYS  1 meta
-- ARGV  1 the message's id   2 how many partitions the caller knows of
-- Returns the row: a message's JSON, or one word that says why there is none, `moved` where the store has
-- another number of partitions; nothing if there is none.

local facts = redis.call('HMGET', KEYS[1], 'view', 'partitions')
if facts[2] and facts[2] ~= ARGV[2] then return 'moved' end
return redis.call('GET', view(KEYS[1], facts[1]) .. 'message:' .. ARGV[1])
