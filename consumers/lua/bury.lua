-- Moves an entry that can't be handled from a group's pending list to its dead letters, in one step.
--
-- The letter goes when the message would have gone: `letters` knows when, and all of it dies by itself
-- with the last, also where nobody sweeps.
--
-- KEYS  1 log   2 meta   3 letters   4 the group's dead letters
-- ARGV  1 group   2 entry id   3 what is wrong   4 how often it was tried
-- Returns 1; 0 if somebody else had acked the entry; -1 if its time is over: it is acked, and counted.

if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]

-- A life that can't be one, or is longer than the window, is the window. A store refuses times beyond
-- its numbers, and another program may have given an entry an id of the far future.
local function expires_at(fields)
  local field, window = {}, window_of(KEYS[2])
  for at = 1, #fields, 2 do field[fields[at]] = fields[at + 1] end
  local ttl = window
  if field['type'] == 'message.posted' and string.match(field['ttl'] or '', '^%d+$') then
    ttl = math.min(tonumber(field['ttl']), window)
  end
  return math.min(tonumber(string.match(ARGV[2], '^%d+')) + ttl, 2 ^ 53)
end

local at = entry and expires_at(entry[2]) or 0
if at <= now then
  tally(KEYS[1], KEYS[2], ARGV[1], 'expired_unprocessed', 1)
  return -1
end

drop_letters(KEYS[1], KEYS[3], letters_of(KEYS[3], ARGV[2], at, ARGV[1]))

local letter = {'entry', ARGV[2], 'group', ARGV[1], 'error', ARGV[3], 'attempts', ARGV[4]}
-- Lua hands over some thousands of values at the most; so long a payload is left out.
if #entry[2] < 1000 then
  for index = 1, #entry[2] do letter[#letter + 1] = entry[2][index] end
end
local id = redis.call('XADD', KEYS[4], '*', unpack(letter))
local when = string.format('%.0f', at)
redis.call('ZADD', KEYS[3], when, ARGV[2] .. ' ' .. id .. ' ' .. ARGV[1])
for index = 3, 4 do
  if redis.call('PEXPIRETIME', KEYS[index]) < at then redis.call('PEXPIREAT', KEYS[index], when) end
end
tally(KEYS[1], KEYS[2], ARGV[1], 'buried', 1)
return 1
