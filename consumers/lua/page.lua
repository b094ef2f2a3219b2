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

local function next_members()
  if ARGV[2] == 'before' then
    return redis.call('ZREVRANGEBYLEX', index, from == '' and '+' or '(' .. from, '-',
      'LIMIT', 0, wanted)
  end
  return redis.call('ZRANGEBYLEX', index, from == '' and '-' or '(' .. from, '+',
    'LIMIT', 0, wanted)
end

repeat
  local members = next_members()
  for _, member in ipairs(members) do
    from = member
    local ms, seq = string.match(member, '^0*(%d+)-0*(%d+)$')
    local row = redis.call('GET', prefix .. ms .. '-' .. seq)
    -- A row that is over is no row; a tombstone is one word.
    if row and string.sub(row, 1, 1) == '{' and #rows < wanted then rows[#rows + 1] = row end
  end
until #members < wanted or #rows >= wanted
return rows
