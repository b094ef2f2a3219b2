-- Applies a batch of entries to the view. The ack is the claim: only who takes an entry off the
-- pending list applies it, in the same step. So each counts once, however often it is delivered, and
-- effects commute, so the order between projectors does not matter.
--
-- While a rebuild makes another view beside the one in force, entries are applied to both.
--
-- KEYS  1 log   2 meta   then for each entry its minute
-- ARGV  1 group   2 life of a minute's counts (ms)
--       then seven for each entry: id, kind (posted, erased, vanished or other), the message's id,
--       room, member in the index, expires_at, row (posted: the message's JSON; else '')
--       For `erased` the message and the member are those of what was erased, and the time is when it
--       was posted.
-- Returns how many of them were applied now.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The window in force: a process may be set to another.
local facts = redis.call('HMGET', KEYS[2], 'view', 'beside', 'building_until', 'window')
local views = views(KEYS[1], facts, now)
local window = tonumber(facts[4] or nil) or 0
local cutoff = string.format('(%013.0f', now - window)
local applied, trimmed = 0, {}

local function live_until(key, at)
  if redis.call('PEXPIRETIME', key) < tonumber(at) then redis.call('PEXPIREAT', key, at) end
end

local function count(minute)
  redis.call('HINCRBY', minute, 'posted', 1)
  redis.call('PEXPIRE', minute, ARGV[2])
end

local function add(view, row, room, member, expires_at, json)
  local index, rooms = view .. 'room:' .. room, view .. 'rooms'
  redis.call('SET', row, json, 'PXAT', expires_at)
  redis.call('ZADD', index, 0, member)
  live_until(index, expires_at)
  redis.call('ZADD', rooms, 'GT', expires_at, room)
  live_until(rooms, expires_at)
  if not trimmed[index] then
    trimmed[index] = true
    redis.call('ZREMRANGEBYLEX', index, '-', cutoff)
  end
end

local function post(minute, message, room, member, expires_at, json)
  if tonumber(expires_at) <= now then
    redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', 1)
    return
  end
  for at, view in ipairs(views) do
    local row = view .. 'message:' .. message
    local known = redis.call('GET', row)
    -- A row that is there was counted when it was written: somebody made the group anew.
    if at == 1 and not (known and string.sub(known, 1, 1) == '{') then count(minute) end
    -- An erased message leaves a tombstone, which may have come first.
    if not known then add(view, row, room, member, expires_at, json) end
  end
end

local function erase(message, room, member, posted_at)
  local until_ms = tonumber(posted_at) + window
  for _, view in ipairs(views) do
    if until_ms > now then
      redis.call('SET', view .. 'message:' .. message, 'erased', 'PXAT', string.format('%.0f', until_ms))
    end
    redis.call('ZREM', view .. 'room:' .. room, member)
  end
end

for at = 0, (#ARGV - 2) / 7 - 1 do
  local id, kind, message, room, member, expires_at, json = unpack(ARGV, at * 7 + 3, at * 7 + 9)
  if redis.call('XACK', KEYS[1], ARGV[1], id) == 1 then
    applied = applied + 1
    if kind == 'posted' then
      post(KEYS[at + 3], message, room, member, expires_at, json)
    elseif kind == 'erased' then
      erase(message, room, member, expires_at)
    elseif kind == 'vanished' then
      redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', 1)
    end
  end
end
if applied > 0 then redis.call('HINCRBY', KEYS[2], 'projected', applied) end
return applied
