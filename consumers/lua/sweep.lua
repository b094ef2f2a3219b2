-- Takes out of log and view what has expired, also when nobody posts, and measures how late it was.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- KEYS  1 log   2 meta   3 expiring   4 letters   5 the projector's dead letters
-- ARGV  1 how many entries at the most
-- Returns {now, entries removed, 1 if there may be more, ms that the oldest of them was late,
--          ms that the newest id is ahead of the clock, entries that somebody else has taken out},
--          or {} while the log is not there.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = tonumber(ARGV[1])

local facts = redis.call('HMGET', KEYS[2], 'view', 'beside', 'beside_until',
  'window', 'window_next', 'window_at')
local window = tonumber(facts[4] or nil)
if not window or redis.call('EXISTS', KEYS[1]) == 0 then return {} end
if facts[6] and tonumber(facts[6]) <= now then
  window = tonumber(facts[5])
  redis.call('HSET', KEYS[2], 'window', facts[5])
  redis.call('HDEL', KEYS[2], 'window_next', 'window_at')
end

local views = views(KEYS[1], facts, now)

local late = 0
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if oldest then late = now - window - tonumber(string.match(oldest[1], '^%d+')) end
local soonest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if soonest[2] then late = math.max(late, now - tonumber(soonest[2])) end

local bound = string.format('%.0f-0', now - window + 1)
local removed, more = forget(KEYS[1], KEYS[2], bound, most, now)

-- Shorter lives. The tombstone lets a reader be told that the message is over, and not that it never
-- was.
local function expire(id)
  local until_ms = tonumber(string.match(id, '^%d+')) + window
  for _, view in ipairs(views) do
    local row = view .. 'message:' .. id
    if until_ms > now and redis.call('GET', row) ~= 'erased' then
      redis.call('SET', row, 'expired', 'PXAT', string.format('%.0f', until_ms))
    end
  end
  return redis.call('XDEL', KEYS[1], id) == 1
end

local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, most)
local swept_to, gone = redis.call('HGET', KEYS[2], 'swept_to') or '0-0', {}
for _, id in ipairs(due) do
  if expire(id) then gone[#gone + 1] = id end
  if is_after(id, swept_to) then swept_to = id end
end
if #due > 0 then
  redis.call('ZREM', KEYS[3], unpack(due))
  redis.call('HSET', KEYS[2], 'swept_to', swept_to)
  redis.call('HINCRBY', KEYS[2], 'swept', #gone)
  redis.call('HINCRBY', KEYS[2], 'removed', #gone)
  count_unread(KEYS[1], KEYS[2], gone)
  removed = removed + #gone
end

redis.call('ZREMRANGEBYSCORE', views[1] .. 'rooms', '-inf', now)

-- Dead letters, of every group, also of one that is gone for good.
local over = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, most)
drop_letters(KEYS[1], KEYS[4], over)
-- Those of before there was an index.
redis.call('XTRIM', KEYS[5], 'MINID', '=', bound)

if removed == 0 then late = 0 end
late = math.max(late, 0)
redis.call('HSET', KEYS[2], 'swept_at', string.format('%.0f', now), 'erasure_delay', late)

local ahead = 0
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then ahead = math.max(0, tonumber(string.match(newest[1], '^%d+')) - now) end

-- The id before another; a number too large for Lua is made too small, and never too large.
local function before(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if seq == '0' then return string.format('%.0f-18446744073709551615', tonumber(ms) - 1) end
  return string.format('%s-%.0f', ms, math.min(tonumber(seq), 2 ^ 53) - 1)
end

-- Entries that went without any script of ours: somebody has trimmed by hand. Readers are told so.
local function notice()
  local fact = stream_of(KEYS[1])
  local counted = tonumber(redis.call('HGET', KEYS[2], 'removed') or nil)
  local foreign = fact['entries-added'] - fact['length'] - (counted or math.huge)
  if foreign <= 0 then return 0 end
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  local trimmed_to = first and before(first[1]) or fact['last-generated-id']
  local told = redis.call('HGET', KEYS[2], 'trimmed_to')
  if not told or is_after(trimmed_to, told) then
    redis.call('HSET', KEYS[2], 'trimmed_to', trimmed_to)
  end
  redis.call('HSET', KEYS[2], 'trimmed_at', string.format('%.0f', now))
  redis.call('HINCRBY', KEYS[2], 'trimmed', foreign)
  redis.call('HINCRBY', KEYS[2], 'removed', foreign)
  return foreign, trimmed_to
end

-- A group has missed by a trim what it had not come to at the sweep before: where it is by now tells
-- nothing, for it reads on from behind the cut.
local function place(trimmed_to)
  for _, group in ipairs(groups_of(KEYS[1])) do
    local facts = facts_of(KEYS[1], group.name)
    local known = redis.call('HMGET', facts, 'swept', 'delivered')
    local place = known[1] or known[2]
    if place and trimmed_to and is_after(trimmed_to, place) then
      redis.call('HSET', facts, 'trimmed', trimmed_to)
    end
    if place and known[1] ~= group.delivered then
      redis.call('HSET', facts, 'swept', group.delivered)
    end
  end
end

local foreign, trimmed_to = notice()
place(trimmed_to)
return {now, removed, (more or #due == most or #over == most) and 1 or 0, late, ahead, foreign}
