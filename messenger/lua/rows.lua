-- A part of apply.lua and fill.lua, and not a script of its own.
-- What one entry does to one view. Effects commute: in whatever order entries come, and however often,
-- the view is the same.
--
-- each_entry(from, visit)
--   ARGV[from] and on are sections: kind (posted, erased, vanished or other), room, minute, how many
--   entries, and then four for each: id, member in the room's index, a time and more.
--       posted: expires_at, the message's JSON   erased: the member and the time are those of what was
--       erased, more is its id   of others there is only the id
--   visit(kind, room, minute, id, member, at, more) is called for each entry.
-- Returns nothing.
--
-- pending(log, group, first, last)
-- Returns a table of those ids from the first to the last that the group was handed and nobody has
-- acked: none where the log or the group is gone.
--
-- is_living(row)            row  what the view has of a message; false for nothing
-- Returns whether it is a message, and not a word that says why there is none.
--
-- rule_of(now, window)
-- Returns what is the same for all entries of a script, and what they leave to be done at its end.
--
-- post(view, rule, message, room, member, expires_at, json)
--   view  beginning of its keys (views.lua)
-- Returns what the view had of the message before; where it had nothing, it has the message now. Its
-- room's index is written by finish.
--
-- erase(view, rule, message, room, member, posted_at)
-- Returns nothing. A tombstone is left for as long as any message of that time can live.
--
-- finish(rule)
-- Returns nothing. Each room is written once for all of its messages: a call of the store's for each
-- would cost most of a batch's time.

local function each_entry(from, visit)
  while from < #ARGV do
    local kind, room, minute, count = unpack(ARGV, from, from + 3)
    local last = from + 4 * tonumber(count)
    for at = from + 4, last, 4 do
      visit(kind, room, minute, ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
    end
    from = last + 4
  end
end

local function pending(log, group, first, last)
  local found = {}
  local summary = redis.pcall('XPENDING', log, group)
  if summary.err then
    if string.find(summary.err, 'NOGROUP', 1, true) then return found end
    error(summary)
  end
  -- All of them: others than ours may stand between ours.
  local held = summary[1]
  if held > 0 then
    for _, each in ipairs(redis.call('XPENDING', log, group, first, last, held)) do
      found[each[1]] = true
    end
  end
  return found
end

local function is_living(row) return row and string.sub(row, 1, 1) == '{' end

local function rule_of(now, window) return {now = now, window = window, views = {}} end

local function live_until(key, at)
  if redis.call('PEXPIRETIME', key) < tonumber(at) then redis.call('PEXPIREAT', key, at) end
end

-- The arguments of a room's ZADD, and when its last message goes.
local function index_of(view, rule, room)
  local rooms = rule.views[view]
  if not rooms then
    rooms = {}
    rule.views[view] = rooms
  end
  local index = rooms[room]
  if not index then
    index = {members = {}, last = 0, until_ms = '0'}
    rooms[room] = index
  end
  return index
end

local function post(view, rule, message, room, member, expires_at, json)
  -- An erased message's tombstone may have come first.
  local known = redis.call('SET', view .. 'message:' .. message, json, 'NX', 'GET', 'PXAT', expires_at)
  if known then return known end
  local index, at = index_of(view, rule, room), tonumber(expires_at)
  local members = index.members
  members[#members + 1] = 0
  members[#members + 1] = member
  if at > index.last then index.last, index.until_ms = at, expires_at end
  return false
end

local function finish(rule)
  local cutoff = string.format('(%013.0f', rule.now - rule.window)
  for view, indexes in pairs(rule.views) do
    local last, until_ms, rooms = 0, '0', {'GT'}
    for room, index in pairs(indexes) do
      local key = view .. 'room:' .. room
      redis.call('ZADD', key, unpack(index.members))
      live_until(key, index.until_ms)
      redis.call('ZREMRANGEBYLEX', key, '-', cutoff)
      rooms[#rooms + 1] = index.until_ms
      rooms[#rooms + 1] = room
      if index.last > last then last, until_ms = index.last, index.until_ms end
    end
    redis.call('ZADD', view .. 'rooms', unpack(rooms))
    live_until(view .. 'rooms', until_ms)
  end
  rule.views = {}
end

local function erase(view, rule, message, room, member, posted_at)
  local until_ms = tonumber(posted_at) + rule.window
  if until_ms > rule.now then
    redis.call('SET', view .. 'message:' .. message, 'erased', 'PXAT', string.format('%.0f', until_ms))
  end
  -- It may be one of those that wait for the end.
  finish(rule)
  redis.call('ZREM', view .. 'room:' .. room, member)
end
