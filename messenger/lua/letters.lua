-- A part of erase.lua, sweep.lua, bury.lua and dig.lua, and not a script of its own.
--
-- A dead letter stands in its group's stream under an id of its own; `letters` knows when it goes, and
-- which entry it holds: a sorted set of '<entry id> <letter's id> <group>' by expires_at.
--
-- letters_of(letters, entry, at, group)
--   entry  string: an entry's id   at  its expires_at (ms)   group  of that group only; nil for any
--   Returns the members that hold the entry.
-- drop_letters(log, letters, members) takes them out, with their texts. Returns how many.
--
-- The streams' keys are made here and not declared: they carry the log's hash tag.

local function letters_of(letters, entry, at, group)
  local found, when = {}, string.format('%.0f', at)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', letters, when, when)) do
    local held, _, of = string.match(member, '^(%S+) (%S+) (.*)$')
    if held == entry and (not group or of == group) then found[#found + 1] = member end
  end
  return found
end

-- Whoever may bury may write anything there. What names no letter stops nobody: it only goes.
local function is_no_letter(err)
  return string.find(err, 'Invalid stream ID') or string.find(err, 'WRONGTYPE')
end

local function drop_letters(log, letters, members)
  for _, member in ipairs(members) do
    local _, letter, group = string.match(member, '^(%S+) (%S+) (.*)$')
    if letter then
      local key = string.sub(log, 1, -4) .. 'dead:' .. group
      local gone = redis.pcall('XDEL', key, letter)
      if type(gone) == 'table' and not is_no_letter(gone['err']) then error(gone['err']) end
    end
    redis.call('ZREM', letters, member)
  end
  return #members
end
