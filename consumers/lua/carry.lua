-- Carries over to the view that is built what only the old one knows: that a message has expired before
-- the window was over. Readers are told so, and not that it never was.
--
-- KEYS  1 log   2 meta
-- ARGV  1 the rebuild's word   2 the generation that is built   3 for how long its lease is kept (ms)
--       then the messages' ids
-- Returns how many were carried over, or -1: the lease was lost.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'rebuild', 'rebuild_until', 'building', 'view')
local is_ours = facts[1] == ARGV[1] and tonumber(facts[2]) > now and facts[3] == ARGV[2]
if not is_ours then return -1 end

local from, to, count = view(KEYS[1], facts[4]), view(KEYS[1], ARGV[2]), 0
for at = 4, #ARGV do
  local key = 'message:' .. ARGV[at]
  if redis.pcall('GET', from .. key) == 'expired' then
    local dies = redis.call('PEXPIRETIME', from .. key)
    local is_in_log = #redis.pcall('XRANGE', KEYS[1], ARGV[at], ARGV[at]) == 1
    if dies > now and not is_in_log then
      redis.call('SET', to .. key, 'expired', 'PXAT', string.format('%.0f', dies), 'NX')
      count = count + 1
    end
  end
end
redis.call('HSET', KEYS[2], 'rebuild_until', string.format('%.0f', now + ARGV[3]))
return count
