-- Takes entries that a repartition has brought to another partition out of this one: out of log, groups,
-- view and dead letters. Nobody reads them here any more. Safe to be run again, by whoever holds the lease.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- KEYS  1 log   2 meta   3 expiring   4 letters   5 moved: what the new partitions have counted
-- ARGV  1 the holder's word   2 the window (ms)   3 how many rooms, and then those
--       then two for each entry: id, and when it is over (ms; 0 for what is no message)
-- Returns how many went, or -1: the lease was lost.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'view', 'beside', 'beside_until', 'rebuild', 'rebuild_until')
if facts[4] ~= ARGV[1] or tonumber(facts[5]) <= now then return -1 end

local views, first = views(KEYS[1], facts, now), 4 + tonumber(ARGV[3])
local ids, rows, gone = {}, {}, 0
for at = first, #ARGV, 2 do
  ids[#ids + 1] = ARGV[at]
  rows[#rows + 1] = views[1] .. 'message:' .. ARGV[at]
end
local found = redis.call('MGET', unpack(rows))

for _, group in ipairs(groups_of(KEYS[1])) do
  if redis.call('XPENDING', KEYS[1], group.name)[1] > 0 then
    redis.call('XACK', KEYS[1], group.name, unpack(ids))
  end
end
local has_letters = redis.call('EXISTS', KEYS[4]) == 1
for index, id in ipairs(ids) do
  local ms, expires_at = tonumber(string.match(id, '^%d+')), tonumber(ARGV[first + index * 2 - 1])
  if redis.call('XDEL', KEYS[1], id) == 1 then
    gone = gone + 1
    -- What lives and was not counted here is not to be taken off the counts.
    if expires_at > now and not found[index] then
      redis.call('HINCRBY', KEYS[5], string.format('%.0f:posted', math.floor(ms / 60000)), -1)
    end
  end
  if has_letters then
    drop_letters(KEYS[1], KEYS[4], letters_of(KEYS[4], id, expires_at))
    drop_letters(KEYS[1], KEYS[4], letters_of(KEYS[4], id, ms + tonumber(ARGV[2])))
  end
end
redis.call('UNLINK', unpack(rows))
if views[2] then
  for index, id in ipairs(ids) do rows[index] = views[2] .. 'message:' .. id end
  redis.call('UNLINK', unpack(rows))
end
for at = 4, first - 1 do
  for _, view in ipairs(views) do
    redis.call('UNLINK', view .. 'room:' .. ARGV[at])
    redis.call('ZREM', view .. 'rooms', ARGV[at])
  end
end
redis.call('ZREM', KEYS[3], unpack(ids))
redis.call('HINCRBY', KEYS[2], 'removed', gone)
return gone
