-- Reads a page of a room from the view, as it stands now.
-- flags: no-writes
--
-- KEYS  1 the room's index
-- ARGV  1 direction: before or after   2 a member of the index, or '' for the newest or the oldest
--       3 how many rows
-- Returns the rows' JSON, the one nearest to the member first. The rows' keys are made here: which
-- they are is only known in the index, whose hash tag they carry.

local prefix = string.match(KEYS[1], '^(messenger:{%d+}:)') .. 'message:'
local wanted, rows, from = tonumber(ARGV[3]), {}, ARGV[2]

local function next_members()
  if ARGV[1] == 'before' then
    return redis.call('ZREVRANGEBYLEX', KEYS[1], from == '' and '+' or '(' .. from, '-',
      'LIMIT', 0, wanted)
  end
  return redis.call('ZRANGEBYLEX', KEYS[1], from == '' and '-' or '(' .. from, '+',
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
