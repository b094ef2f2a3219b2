-- Reads a page of a room from the view, as it stands now.
-- flags: no-writes
--
-- KEYS  1 meta
-- ARGV  1 room   2 direction: before or after
--       3 a member of the room's index, or '' for the newest or the oldest   4 how many rows
--       5 how many partitions the caller knows of
-- Returns the rows' JSON, the one nearest to the member first; nil where the store has another number: the
-- room may be elsewhere by now.

local facts = redis.call('HMGET', KEYS[1], 'view', 'partitions')
if facts[2] and facts[2] ~= ARGV[5] then return false end
local view = view(KEYS[1], facts[1])
local index, prefix = view .. 'room:' .. ARGV[1], view .. 'message:'
local wanted, rows, from = tonumber(ARGV[4]), {}, ARGV[3]
-- Lua hands over some thousands of values at the most.
local asked = math.min(wanted, 1000)

local function next_members()
  if ARGV[2] == 'before' then
    return redis.call('ZREVRANGEBYLEX', index, from == '' and '+' or '(' .. from, '-',
      'LIMIT', 0, asked)
  end
  return redis.call('ZRANGEBYLEX', index, from == '' and '-' or '(' .. from, '+',
    'LIMIT', 0, asked)
end

repeat
  local members, keys = next_members(), {}
  for at, member in ipairs(members) do
    local ms, seq = string.match(member, '^0*(%d+)-0*(%d+)$')
    keys[at] = prefix .. ms .. '-' .. seq
  end
  -- One call for all: each costs as much again as what it reads.
  for _, row in ipairs(#keys > 0 and redis.call('MGET', unpack(keys)) or {}) do
    -- A row that is over is no row; a tombstone is one word.
    if row and string.sub(row, 1, 1) == '{' and #rows < wanted then rows[#rows + 1] = row end
  end
  from = members[#members]
until #members < asked or #rows >= wanted
return rows
