-- A part of apply.lua and fill.lua, and not a script of its own.
-- What one entry does to one view. Effects commute: in whatever order entries come, and however often,
-- the view is the same.
--
-- is_living(row)            row  what the view has of a message; false for nothing
-- Returns whether it is a message, and not a word that says why there is none.
--
-- post(view, rule, message, room, member, expires_at, json)
--   view  beginning of its keys (views.lua)   rule  {now, window, trimmed: {}}, the same for a script
-- Returns what the view had of the message before; where it had nothing, it has the message now.
--
-- erase(view, rule, message, room, member, posted_at)
-- Returns nothing. A tombstone is left for as long as any message of that time can live.

local function is_living(row) return row and string.sub(row, 1, 1) == '{' end

local function live_until(key, at)
  if redis.call('PEXPIRETIME', key) < tonumber(at) then redis.call('PEXPIREAT', key, at) end
end

local function post(view, rule, message, room, member, expires_at, json)
  local row = view .. 'message:' .. message
  local known = redis.call('GET', row)
  -- An erased message's tombstone may have come first.
  if known then return known end
  local index, rooms = view .. 'room:' .. room, view .. 'rooms'
  redis.call('SET', row, json, 'PXAT', expires_at)
  redis.call('ZADD', index, 0, member)
  live_until(index, expires_at)
  redis.call('ZADD', rooms, 'GT', expires_at, room)
  live_until(rooms, expires_at)
  if not rule.trimmed[index] then
    rule.trimmed[index] = true
    local cutoff = string.format('(%013.0f', rule.now - rule.window)
    redis.call('ZREMRANGEBYLEX', index, '-', cutoff)
  end
  return false
end

local function erase(view, rule, message, room, member, posted_at)
  local until_ms = tonumber(posted_at) + rule.window
  if until_ms > rule.now then
    redis.call('SET', view .. 'message:' .. message, 'erased', 'PXAT', string.format('%.0f', until_ms))
  end
  redis.call('ZREM', view .. 'room:' .. room, member)
end
