-- Reads what our consumer was given and has not acked: a reply may have been lost on its way, or the
-- process that had this name before has ended. Nothing is changed by it.
-- flags: no-writes
--
-- KEYS  1 log
-- ARGV  1 group   2 our consumer   3 the id after which to look, or ''   4 how many
-- Returns {{id, {names and values}, times delivered}, ...}, without names where the entry is no more;
--         nil while the group is not there.

local after = ARGV[3] == '' and '-' or '(' .. ARGV[3]
local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], after, '+', ARGV[4], ARGV[2])
if held['err'] then
  if string.find(held['err'], 'NOGROUP') then return false end
  return held
end
local entries = {}
for at, each in ipairs(held) do
  local entry = redis.call('XRANGE', KEYS[1], each[1], each[1])[1]
  entries[at] = {each[1], entry and entry[2] or {}, each[4]}
end
return entries
