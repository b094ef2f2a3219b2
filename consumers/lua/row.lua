-- Reads one row of the view.
-- flags: no-writes
--
-- KEYS  1 meta
-- ARGV  1 the message's id
-- Returns the row: a message's JSON, or one word that says why there is none; nothing if there is none.

return redis.call('GET', view(KEYS[1], redis.call('HGET', KEYS[1], 'view')) .. 'message:' .. ARGV[1])
