-- A repartition's steps on a partition that there is, each only for who holds the lease (lease.lua).
-- While the fence is up nothing is appended, erased or copied in the partition.
--
-- The commit is a step on the first partition alone, and comes after all others are held: so the number
-- of partitions changes at one moment, and who finds a partition held can tell by the first one whether
-- it was before that or after.
-- flags: allow-oom (what it opens and takes away frees memory, and must work when there is none)
--
-- KEYS  1 log   2 meta
-- ARGV  1 the holder's word
--       2 put: for so many ms (3); a repartition that dies lets go of it
--         hold: until it is lifted; only while it is up
--         commit: hold, and the number of partitions (3) is in force in the place of another (4)
--         number: the number of partitions (3) is that of the first one
--         back: take the fence down, unless the number of partitions (3) is in force
--         begin: what is begun (3) is noted, for who finds it if its maker dies
--         leave: give the lease back, and change nothing
--         lift: it is over, and so is the lease
-- Returns the log's last id; 'moved' for a `back` that comes too late; or '' if the lease or the fence was
--         lost: nothing was done then.

local held = '9007199254740991'

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'rebuild', 'rebuild_until', 'fence', 'partitions')
if facts[1] ~= ARGV[1] or tonumber(facts[2]) <= now then return '' end

if ARGV[2] == 'put' then
  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', now + ARGV[3]))
elseif ARGV[2] == 'hold' or ARGV[2] == 'commit' then
  if not facts[3] or tonumber(facts[3]) <= now then return '' end
  redis.call('HSET', KEYS[2], 'fence', held)
  if ARGV[2] == 'commit' and facts[4] == ARGV[4] then redis.call('HSET', KEYS[2], 'partitions', ARGV[3]) end
elseif ARGV[2] == 'back' then
  if facts[4] == ARGV[3] then return 'moved' end
  redis.call('HDEL', KEYS[2], 'fence')
elseif ARGV[2] == 'begin' then
  redis.call('HSET', KEYS[2], 'moving', ARGV[3])
elseif ARGV[2] == 'leave' then
  redis.call('HDEL', KEYS[2], 'rebuild', 'rebuild_until')
elseif ARGV[2] == 'number' then
  redis.call('HSET', KEYS[2], 'partitions', ARGV[3])
else
  redis.call('HDEL', KEYS[2], 'fence', 'moving', 'rebuild', 'rebuild_until')
end
return stream_of(KEYS[1])['last-generated-id']
