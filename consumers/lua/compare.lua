-- Finds, among entries of the log, those of which the view has something else than it should, in one
-- step: so a change is seen in both or in neither.
-- flags: no-writes
--
-- KEYS  1 log   2 meta
-- ARGV  1 group   then six for each entry, in the order of the log: id, the message's id, room, member,
--       when it ends (ms), row (erased: that word, and the time does not matter)
-- Returns {now, window, how many of the entries were compared, what is odd}, and for each that is odd, in
--         the log and applied {its place, from 1, the message's row, when that dies (ms; -1 never, -2 not
--         there), its score in the room's index or nothing, when that index dies, the room's score in
--         `rooms` or nothing}. What is of another type than it should be is not there.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'view', 'window')
local view = view(KEYS[1], facts[1])
local delivered = delivered_to(KEYS[1])
if not delivered then return {now, 0, 0, {}} end

local function look(...)
  local found = redis.pcall(...)
  return (type(found) ~= 'table' or not found['err']) and found
end

-- Each room's facts once: when its index dies, and up to when it is listed.
local rooms = {}
local function of_room(room)
  if not rooms[room] then
    rooms[room] = {redis.call('PEXPIRETIME', view .. 'room:' .. room),
      look('ZSCORE', view .. 'rooms', room)}
  end
  return rooms[room]
end

local function was_applied(id)
  return not is_after(id, delivered)
    and #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1) == 0
    and #redis.call('XRANGE', KEYS[1], id, id) == 1
end

local count, odd = 0, {}
for at = 2, #ARGV, 6 do
  local id, message, room, member, ends, expected = unpack(ARGV, at, at + 5)
  local key, until_ms = view .. 'message:' .. message, tonumber(ends)
  local row, score = look('GET', key), look('ZSCORE', view .. 'room:' .. room, member)
  local dies, listed = redis.call('PEXPIRETIME', key), of_room(room)
  local is_right = row == expected
  if expected == 'erased' then
    is_right = is_right and not score
  else
    is_right = is_right and dies == until_ms and score == '0' and listed[1] >= until_ms
      and listed[2] and tonumber(listed[2]) >= until_ms
  end
  -- What is as it should be needs no further look.
  if is_right then
    count = count + 1
  elseif was_applied(id) then
    count = count + 1
    odd[#odd + 1] = {(at + 4) / 6, row, dies, score, listed[1], listed[2]}
  end
end
return {now, tonumber(facts[2] or nil) or 0, count, odd}
