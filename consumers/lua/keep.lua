-- A consumer's sign of life, about once a second: what it holds stays its own however long it takes,
-- how far the group is is noted, and it hears what the group has missed.
-- flags: allow-oom (who lives must not look dead because the store is full)
--
-- KEYS  1 log   2 meta   3 what is known of the group
-- ARGV  1 group   2 our consumer
--       3 how many expired entries have been reported by now, or ''
--       4 the id up to which a trim has been reported, or ''   5 how many partitions we know of
--       6 then the ids that we hold
-- Returns {epoch, now (ms), window (ms), entries that have expired before they were handled, by now,
--          how many of them were reported, the id up to which entries were trimmed before their time,
--          if that is to be reported, else '', {ids that are ours no more}}; nil while the group is not
--          there; {'partitions', how many there are} if it is another number.

local log, meta, facts, name, consumer = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]
if redis.call('EXISTS', log) == 0 then return false end
local partitions = redis.call('HGET', meta, 'partitions')
if partitions ~= ARGV[5] then return {'partitions', partitions} end
local delivered
for _, group in ipairs(groups_of(log)) do
  if group.name == name then delivered = group.delivered end
end
if not delivered then return false end

if ARGV[3] ~= '' and tonumber(ARGV[3]) > tonumber(redis.call('HGET', facts, 'expired_told') or 0) then
  redis.call('HSET', facts, 'expired_told', ARGV[3])
end
if ARGV[4] ~= '' and redis.call('HGET', facts, 'trimmed') == ARGV[4] then
  redis.call('HDEL', facts, 'trimmed')
end

-- Cut by hand, which the sweeper notices and marks; but while the group was gone, it could not.
local trimmed_to = redis.call('HGET', meta, 'trimmed_to') or ''
if trimmed_to ~= (redis.call('HGET', facts, 'trimmed_seen') or '') then
  if trimmed_to ~= '' and is_after(trimmed_to, redis.call('HGET', facts, 'delivered') or delivered) then
    redis.call('HSET', facts, 'trimmed', trimmed_to)
  end
  redis.call('HSET', facts, 'trimmed_seen', trimmed_to)
end

local epoch = redis.call('HGET', meta, 'epoch') or ''
local oldest = redis.call('XPENDING', log, name)[2] or ''
redis.call('HSET', facts, 'epoch', epoch, 'delivered', delivered, 'oldest', oldest)
keep_alive(facts, meta)

-- What is no more is left as it is: who comes to it finds out, and counts it once.
local lost = {}
for at = 6, #ARGV do
  local id = ARGV[at]
  if #redis.call('XPENDING', log, name, id, id, 1, consumer) == 0 then
    lost[#lost + 1] = id
  elseif #redis.call('XRANGE', log, id, id) == 1 then
    redis.call('XCLAIM', log, name, consumer, 0, id, 'JUSTID')
  end
end

local time = redis.call('TIME')
local counts = redis.call('HMGET', facts, 'expired_unprocessed', 'expired_told', 'trimmed')
return {epoch, time[1] * 1000 + math.floor(time[2] / 1000), window_of(meta),
  tonumber(counts[1] or 0), tonumber(counts[2] or 0), counts[3] or '', lost}
