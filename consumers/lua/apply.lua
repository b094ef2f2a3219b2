-- Applies a batch of entries to the view. The ack is the claim: only who takes an entry off the
-- pending list applies it, in the same step. So each counts once, however often it is delivered, and
-- effects commute, so the order between projectors does not matter.
--
-- KEYS  1 log   2 meta   3 rooms   then three for each entry: row, room's index, minute
-- ARGV  1 group   2 life of a minute's counts (ms)
--       then six for each entry: id, kind (posted, erased, vanished
--       or other), room, member in the index,
--       expires_at, row (posted: the message's JSON; else '')
--       For `erased` the row key and the member are those of the message that was erased, and the
--       time is when it was posted.
-- Returns how many of them were applied now.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The window in force: a process may be set to another.
local window = tonumber(redis.call('HGET', KEYS[2], 'window') or nil) or 0
local cutoff = string.format('(%013.0f', now - window)
local applied, trimmed = 0, {}

local function live_until(key, at)
  if redis.call('PEXPIRETIME', key) < tonumber(at) then redis.call('PEXPIREAT', key, at) end
end

local function count(minute)
  redis.call('HINCRBY', minute, 'posted', 1)
  redis.call('PEXPIRE', minute, ARGV[2])
end

local function post(row, index, minute, room, member, expires_at, json)
  if tonumber(expires_at) <= now then
    redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', 1)
    return
  end
  local known = redis.call('GET', row)
  -- A row that is there was counted when it was written: somebody made the group anew.
  if known and string.sub(known, 1, 1) == '{' then return end
  count(minute)
  -- An erased message leaves a tombstone, which may have come first.
  if known then return end
  redis.call('SET', row, json, 'PXAT', expires_at)
  redis.call('ZADD', index, 0, member)
  live_until(index, expires_at)
  redis.call('ZADD', KEYS[3], 'GT', expires_at, room)
  live_until(KEYS[3], expires_at)
  if not trimmed[index] then
    trimmed[index] = true
    redis.call('ZREMRANGEBYLEX', index, '-', cutoff)
  end
end

local function erase(row, index, member, posted_at)
  local until_ms = tonumber(posted_at) + window
  if until_ms > now then
    redis.call('SET', row, 'erased', 'PXAT', string.format('%.0f', until_ms))
  end
  redis.call('ZREM', index, member)
end

for at = 0, (#ARGV - 2) / 6 - 1 do
  local row, index, minute = KEYS[at * 3 + 4], KEYS[at * 3 + 5], KEYS[at * 3 + 6]
  local id, kind, room, member, expires_at, json = unpack(ARGV, at * 6 + 3, at * 6 + 8)
  if redis.call('XACK', KEYS[1], ARGV[1], id) == 1 then
    applied = applied + 1
    if kind == 'posted' then
      post(row, index, minute, room, member, expires_at, json)
    elseif kind == 'erased' then
      erase(row, index, member, expires_at)
    elseif kind == 'vanished' then
      redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', 1)
    end
  end
end
if applied > 0 then redis.call('HINCRBY', KEYS[2], 'projected', applied) end
return applied
