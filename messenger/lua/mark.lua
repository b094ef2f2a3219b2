-- Writes something after all that was written before, by whatever connection, so that a WAIT after it
-- speaks for all of that.
-- flags: allow-oom (an erasure must be confirmed also where there is no memory)
--
-- KEYS  1 mark
-- ARGV  1 its life (ms)
-- Returns 1.

redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
return 1
