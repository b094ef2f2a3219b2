-- Hands back what a consumer holds at its end, so that others take it at once and not only when it has
-- been idle for long. A consumer that has nothing then is forgotten.
-- flags: allow-oom (a process must be able to stop beside a full store)
--
-- KEYS  1 log
-- ARGV  1 group   2 our consumer   3 then for each entry: id, how often it was tried
-- Returns how many were handed back.

local log, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local released = 0
for at = 3, #ARGV, 2 do
  local id = ARGV[at]
  local held = redis.pcall('XPENDING', log, group, id, id, 1, consumer)
  if held['err'] then return released end
  if #held == 1 and #redis.call('XRANGE', log, id, id) == 1 then
    redis.call('XCLAIM', log, group, consumer, 0, id, 'IDLE', 1000000000, 'RETRYCOUNT', ARGV[at + 1],
      'JUSTID')
    released = released + 1
  end
end
local left = redis.pcall('XPENDING', log, group, '-', '+', 1, consumer)
if not left['err'] and #left == 0 then redis.call('XGROUP', 'DELCONSUMER', log, group, consumer) end
return released
