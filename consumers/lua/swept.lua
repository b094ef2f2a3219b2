-- Says in a partition's meta up to where messages of another one were swept, unless it is further already:
-- the new partitions of a repartition are swept meanwhile.
--
-- KEYS  1 meta
-- ARGV  1 the id
-- Returns the id that is there now.

local here = redis.call('HGET', KEYS[1], 'swept_to')
if here and not is_after(ARGV[1], here) then return here end
redis.call('HSET', KEYS[1], 'swept_to', ARGV[1])
return ARGV[1]
