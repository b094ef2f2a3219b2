-- Appends a post, all or nothing: also when memory is full, for then it is refused before it starts.
--
-- KEYS  1 log   2 meta   3 expiring   4 sent   5 visitor   6 spoken   7 opened
-- ARGV  1 room  2 author  3 text  4 ttl (ms)
--       5 fingerprint of the request, compared when its key was seen before
--       6 for how long its key is remembered (ms)
--       7 ms between two posts of a visitor at the steady rate, 0 for no limit   8 posts at once
--       9, 10  the same for all posts of the room   11, 12 the same for a visitor's new rooms
--       13 how many partitions the caller knows of
--       14 the traceparent that the entry carries; left out where nothing is traced
-- Its parts are made when they are needed, and not for every post.
-- Returns one of
--       {'posted', id, now, ttl, before, posts left, ms until all are back, the same two for the room,
--       and for new rooms}
--           before is the id of the entry that was the log's last, '0-0' if it had none
--           ttl is never longer than the window in force, which another process may have shortened;
--           where there is no limit, or no new room, -1 are left
--       {'seen', id, now, ttl}     the same key and fingerprint: nothing was written
--       {'reused'}                 the same key, another fingerprint
--       {'fast', which, ms to wait, ms until all are back}
--           1 the visitor posts, 2 the room is posted to, or 3 the visitor opens rooms too fast: nothing
--           was written, nothing charged
--       {'unsettled'}              the log is not there (first use, or flushed): settle, try again
--       {'moved'}                  the store has, or is just getting, another number of partitions:
--           nothing was written

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local seen = redis.call('GET', KEYS[4])
if seen then
  local id, ttl, fingerprint = string.match(seen, '^(%S+) (%d+) (.*)$')
  -- A message that was cut early lives no more, and its key is free.
  local trimmed_to = redis.call('HGET', KEYS[2], 'trimmed_to')
  if trimmed_to then
    local _, is_after = parts()
    if not is_after(id, trimmed_to) then seen = false end
  end
  if seen then
    if fingerprint ~= ARGV[5] then return {'reused'} end
    return {'seen', id, now, tonumber(ttl)}
  end
end

local facts = redis.call('HMGET', KEYS[2], 'window', 'window_next', 'window_at', 'partitions', 'fence')
local window = tonumber(facts[1] or nil)
if not window then return {'unsettled'} end
if facts[4] ~= ARGV[13] or (facts[5] and tonumber(facts[5]) > now) then return {'moved'} end
local ttl = math.min(tonumber(ARGV[4]), window)

-- GCRA: `paid` is when all posts so far will be paid off at the steady rate. All limits are looked at
-- before any is charged. More than all at once is owed by nobody: then the clock was set back.
-- A room is new in which nobody has spoken for as long as a message can live.
local paid, counts_rooms, spoken = {}, ARGV[11] ~= '0', nil
for which = 1, 3 do
  local interval = tonumber(ARGV[5 + which * 2])
  if which == 3 and counts_rooms then
    if spoken == nil then spoken = redis.call('GET', KEYS[6]) end
    if spoken then interval = 0 end
  end
  if interval > 0 then
    local known = redis.call('GET', KEYS[4 + which])
    if which == 2 then spoken = known end
    local most = now + interval * tonumber(ARGV[6 + which * 2])
    local due = math.min(math.max(tonumber(known or 0), now), most)
    local wait = due + interval - most
    if wait > 0 then return {'fast', which, math.ceil(wait), math.ceil(due - now)} end
    paid[which] = due + interval
  end
end

local bound = string.format('%.0f-0', now - window + 1)
local oldest = redis.call('XRANGE', KEYS[1], '-', '(' .. bound, 'COUNT', 1)
if oldest[1] then
  local forget = parts()
  forget(KEYS[1], KEYS[2], bound, 64, now)
  -- What XADD trims is counted nowhere: it goes no further than that.
  oldest = redis.call('XRANGE', KEYS[1], '-', '(' .. bound, 'COUNT', 1)
  if oldest[1] then bound = oldest[1][1] end
end

local before = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local id
if ARGV[14] then
  id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', 'MINID', '=', bound, '*', 'type', 'message.posted',
    'room', ARGV[1], 'author', ARGV[2], 'text', ARGV[3], 'ttl', ttl, 'traceparent', ARGV[14])
else
  id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', 'MINID', '=', bound, '*', 'type', 'message.posted',
    'room', ARGV[1], 'author', ARGV[2], 'text', ARGV[3], 'ttl', ttl)
end
if not id then return {'unsettled'} end

local ms = tonumber(string.match(id, '^%d+'))
local expires_at = string.format('%.0f', ms + ttl)
-- While the clock is behind the newest id, a message lives longer, and so must its key.
local remembered = tonumber(ARGV[6]) + math.max(0, ms - now)
redis.call('SET', KEYS[4], id .. ' ' .. ttl .. ' ' .. ARGV[5], 'PX', string.format('%.0f', remembered))
if ttl < window then redis.call('ZADD', KEYS[3], expires_at, id) end
-- A shorter window waits until all that was promised longer has had its life.
if facts[2] and ttl > tonumber(facts[2]) and tonumber(expires_at) > tonumber(facts[3]) then
  redis.call('HSET', KEYS[2], 'window_at', expires_at)
end

local function charge(which, life)
  if not paid[which] then return -1, 0 end
  local owed = paid[which] - now
  redis.call('SET', KEYS[4 + which], string.format('%.3f', paid[which]), 'PX',
    string.format('%.0f', math.max(math.ceil(owed), life)))
  local left = tonumber(ARGV[6 + which * 2]) - owed / tonumber(ARGV[5 + which * 2])
  -- The time is so large a number that a whole one may come out a little less.
  return math.floor(left + 0.001), math.ceil(owed)
end
if counts_rooms and not paid[2] then redis.call('SET', KEYS[6], now, 'PX', window) end
local left, owed = charge(1, 0)
local room_left, room_owed = charge(2, counts_rooms and window or 0)
return {'posted', id, now, ttl, before and before[1] or '0-0', left, owed, room_left, room_owed,
  charge(3, 0)}
