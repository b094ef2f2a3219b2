-- Moves an entry that can't be applied from a group's pending list to its dead letters, in one step.
--
-- A dead letter has the id of its entry, and so is trimmed when the entry would have been. One that
-- comes after a younger one can't have its own: it takes the next that can be had, and is kept without
-- the payload, which must not outlive its time.
--
-- KEYS  1 log   2 dead letters
-- ARGV  1 group   2 entry id   3 what is wrong   4 then the entry's names and values
-- Returns 1, or 0 if somebody else had acked the entry.

if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end

local letter = {'entry', ARGV[2], 'group', ARGV[1], 'error', ARGV[3]}
local whole = {unpack(letter)}
-- Lua hands over some thousands of values at the most; so long a payload is left out.
if #ARGV < 1000 then
  for at = 4, #ARGV do whole[#whole + 1] = ARGV[at] end
end
local added = redis.pcall('XADD', KEYS[2], ARGV[2], unpack(whole))
if type(added) == 'table' and added['err'] then
  redis.call('XADD', KEYS[2], '*', unpack(letter))
end
return 1
