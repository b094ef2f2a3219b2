-- Reads the rooms that have living messages from the view.
-- flags: no-writes
--
-- KEYS  1 meta
-- ARGV  1 now (ms)
-- Returns each room and when its last message goes, in turn; the longest-living first.

return redis.call('ZRANGE', view(KEYS[1], redis.call('HGET', KEYS[1], 'view')) .. 'rooms',
  '+inf', '(' .. ARGV[1], 'BYSCORE', 'REV', 'WITHSCORES')
