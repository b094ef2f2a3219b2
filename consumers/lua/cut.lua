-- Cuts the oldest entries out of a log before their time, for the store is nearly full: out of log, view,
-- index and what is due in one step. It is said in the meta, where every reader looks: `trimmed_to`.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- With each call it also looks through some of the store's keys, and drops those by which posts that were
-- cut would be known again: nothing tells which they are.
--
-- KEYS  1 log   2 meta   3 expiring
-- ARGV  1 how many entries at the most   2 the age up to which an entry is kept in any case (ms)
--       3 where to look on among the keys: the cursor that the last call gave, or 0   4 how many
-- Returns {entries cut, ms of the oldest that is left; -1 if there is none, cursor}; {0, -1, 3} while the
--         fence of a repartition is up: nothing was done then

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'view', 'beside', 'beside_until', 'trimmed_to', 'fence')
local trimmed_to = facts[4]
-- What a repartition has copied by now would come back there.
if facts[5] and tonumber(facts[5]) > now then return {0, -1, ARGV[3]} end

-- As the room's index has it: padded, so that the order of text is the order of ids.
local function member(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 13 - #ms) .. ms .. '-' .. string.rep('0', 20 - #seq) .. seq
end

local function room_of(entry)
  for at = 1, #entry[2], 2 do
    if entry[2][at] == 'room' then return entry[2][at + 1] end
  end
end

-- What is cut is the log's beginning, so of each room's index it is the beginning too.
local function cut_view(view, ids, rooms)
  local rows, last = {}, member(ids[#ids])
  for at, id in ipairs(ids) do rows[at] = view .. 'message:' .. id end
  redis.call('UNLINK', unpack(rows))
  for room in pairs(rooms) do
    redis.call('ZREMRANGEBYLEX', view .. 'room:' .. room, '-', '[' .. last)
    if redis.call('EXISTS', view .. 'room:' .. room) == 0 then
      redis.call('ZREM', view .. 'rooms', room)
    end
  end
end

-- What no projector was given can't be applied any more, and counts as over before it could be. Other
-- groups learn of `trimmed_to` from the meta (keep.lua).
local function count_unread(ids)
  local delivered, unread = delivered_to(KEYS[1]), 0
  for _, id in ipairs(ids) do
    if delivered and is_after(id, delivered) then unread = unread + 1 end
  end
  tally(KEYS[1], KEYS[2], 'projector', 'expired_unprocessed', unread)
end

local function cut(entries)
  local ids, rooms = {}, {}
  for at, entry in ipairs(entries) do
    ids[at] = entry[1]
    local room = room_of(entry)
    if room then rooms[room] = true end
  end
  count_unread(ids)
  for _, view in ipairs(views(KEYS[1], facts, now)) do cut_view(view, ids, rooms) end
  redis.call('XDEL', KEYS[1], unpack(ids))
  redis.call('ZREM', KEYS[3], unpack(ids))
  if not trimmed_to or is_after(ids[#ids], trimmed_to) then trimmed_to = ids[#ids] end
  redis.call('HSET', KEYS[2], 'trimmed_to', trimmed_to, 'trimmed_at', string.format('%.0f', now))
  redis.call('HINCRBY', KEYS[2], 'trimmed', #ids)
  redis.call('HINCRBY', KEYS[2], 'removed', #ids)
end

local function drop_keys(cursor)
  local found = redis.call('SCAN', cursor, 'MATCH', view(KEYS[1], '') .. 'sent:*', 'COUNT', ARGV[4])
  for _, key in ipairs(found[2]) do
    local id = string.match(redis.call('GET', key) or '', '^%d+%-%d+')
    if id and not is_after(id, trimmed_to) then redis.call('UNLINK', key) end
  end
  return found[1]
end

local bound = string.format('(%.0f-0', now - tonumber(ARGV[2]))
local entries = redis.call('XRANGE', KEYS[1], '-', bound, 'COUNT', ARGV[1])
if #entries > 0 then cut(entries) end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return {#entries, oldest and tonumber(string.match(oldest[1], '^%d+')) or -1,
  trimmed_to and drop_keys(ARGV[3]) or '0'}
