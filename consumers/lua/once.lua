-- Does an effect in the same store once for an entry, however often the entry is delivered: that it was
-- done is stored in the same step. A command that fails takes the mark back; what was done before it
-- stays, as in any script.
--
-- KEYS  1 the mark
-- ARGV  1 when the mark may go (ms): a minute after the message   2 then for each command: how many words,
--       and the words
-- Returns 1 if it was done now, 0 if it had been.
--
-- The commands' keys are the caller's and not declared.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local until_ms = string.format('%.0f', math.max(tonumber(ARGV[1]), now + 60000))
if not redis.call('SET', KEYS[1], '1', 'NX', 'PXAT', until_ms) then return 0 end

local at = 2
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  local reply = redis.pcall(unpack(ARGV, at + 1, at + count))
  if type(reply) == 'table' and reply['err'] then
    redis.call('DEL', KEYS[1])
    return reply
  end
  at = at + count + 1
end
return 1
