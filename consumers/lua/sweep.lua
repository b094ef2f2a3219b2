-- Takes out of log and view what has expired, also when nobody posts, and measures how late it was.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- KEYS  1 log   2 meta   3 expiring   4 rooms   5 the projector's dead letters
-- ARGV  1 how many entries at the most
-- Returns {now, entries removed, 1 if there may be more, ms that the oldest of them was late,
--          ms that the newest id is ahead of the clock}, or {} while the log is not there.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[1])

local facts = redis.call('HMGET', KEYS[2], 'window', 'window_next', 'window_at')
local window = tonumber(facts[1] or nil)
if not window or redis.call('EXISTS', KEYS[1]) == 0 then return {} end
if facts[3] and tonumber(facts[3]) <= now then
  window = tonumber(facts[2])
  redis.call('HSET', KEYS[2], 'window', facts[2])
  redis.call('HDEL', KEYS[2], 'window_next', 'window_at')
end

local late = 0
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if oldest then late = now - window - tonumber(string.match(oldest[1], '^%d+')) end
local soonest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if soonest[2] then late = math.max(late, now - tonumber(soonest[2])) end

local removed, more = forget(KEYS[1], KEYS[2], string.format('%.0f-0', now - window + 1), most)

-- Shorter lives. The tombstone lets a reader be told that the message is over, and not that it never
-- was; its key carries the log's hash tag and is only known here.
local function expire(id)
  local row = string.sub(KEYS[1], 1, -4) .. 'message:' .. id
  local until_ms = tonumber(string.match(id, '^%d+')) + window
  removed = removed + redis.call('XDEL', KEYS[1], id)
  if until_ms > now and redis.call('GET', row) ~= 'erased' then
    redis.call('SET', row, 'expired', 'PXAT', string.format('%.0f', until_ms))
  end
end

local delivered, unread = delivered_to(KEYS[1]), 0
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, most)
local swept_to = redis.call('HGET', KEYS[2], 'swept_to') or '0-0'
for _, id in ipairs(due) do
  expire(id)
  if delivered and is_after(id, delivered) then unread = unread + 1 end
  if is_after(id, swept_to) then swept_to = id end
end
if #due > 0 then
  redis.call('ZREM', KEYS[3], unpack(due))
  redis.call('HSET', KEYS[2], 'swept_to', swept_to)
  redis.call('HINCRBY', KEYS[2], 'swept', #due)
  if unread > 0 then redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', unread) end
end

redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
redis.call('XTRIM', KEYS[5], 'MINID', '=', string.format('%.0f-0', now - window + 1))
if removed == 0 then late = 0 end
late = math.max(late, 0)
redis.call('HSET', KEYS[2], 'swept_at', string.format('%.0f', now), 'erasure_delay', late)

local ahead = 0
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then ahead = math.max(0, tonumber(string.match(newest[1], '^%d+')) - now) end
return {now, removed, (more or #due == most) and 1 or 0, late, ahead}
