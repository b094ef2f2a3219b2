-- Appends a post, all or nothing: also when memory is full, for then it is refused before it starts.
--
-- KEYS  1 log   2 meta   3 expiring   4 sent   5 visitor   6 spoken
-- ARGV  1 room  2 author  3 text  4 ttl (ms)
--       5 fingerprint of the request, compared when its key was seen before
--       6 for how long its key is remembered (ms)
--       7 ms between two posts of a visitor at the steady rate, 0 for no limit   8 posts at once
--       9, 10  the same for all posts of the room
--       11 the traceparent that the entry carries; left out where nothing is traced
-- Its parts are made when they are needed, and not for every post.
-- Returns one of
--       {'posted', id, now, ttl, posts left, ms until all are back, the same two for the room}
--           ttl is never longer than the window in force, which another process may have shortened;
--           where there is no limit -1 are left
--       {'seen', id, now, ttl}     the same key and fingerprint: nothing was written
--       {'reused'}                 the same key, another fingerprint
--       {'fast', which, ms to wait, ms until all are back}
--           1 the visitor or 2 the room is posted to too fast: nothing was written, nothing charged
--       {'unsettled'}              the log is not there (first use, or flushed): settle, try again

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

local facts = redis.call('HMGET', KEYS[2], 'window', 'window_next', 'window_at')
local window = tonumber(facts[1] or nil)
if not window then return {'unsettled'} end
local ttl = math.min(tonumber(ARGV[4]), window)

-- GCRA: `paid` is when all posts so far will be paid off at the steady rate. All limits are looked at
-- before any is charged. More than all at once is owed by nobody: then the clock was set back.
local paid = {}
for which = 1, 2 do
  local interval = tonumber(ARGV[5 + which * 2])
  if interval > 0 then
    local most = now + interval * tonumber(ARGV[6 + which * 2])
    local due = math.min(math.max(tonumber(redis.call('GET', KEYS[4 + which]) or 0), now), most)
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

local id
if ARGV[11] then
  id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', 'MINID', '=', bound, '*', 'type', 'message.posted',
    'room', ARGV[1], 'author', ARGV[2], 'text', ARGV[3], 'ttl', ttl, 'traceparent', ARGV[11])
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

local function charge(which)
  if not paid[which] then return -1, 0 end
  local owed = paid[which] - now
  redis.call('SET', KEYS[4 + which], string.format('%.3f', paid[which]), 'PX', math.ceil(owed))
  local left = tonumber(ARGV[6 + which * 2]) - owed / tonumber(ARGV[5 + which * 2])
  return math.floor(left), math.ceil(owed)
end
local left, owed = charge(1)
return {'posted', id, now, ttl, left, owed, charge(2)}
