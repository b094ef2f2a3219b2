-- Forgets consumers of a group that are gone for good. One with pending entries is kept: they would be
-- lost with it. In one step, for a consumer that wakes up in between would lose what it was just given.
--
-- KEYS  1 log
-- ARGV  1 group   2 for how long a consumer must have been silent (ms)
-- Returns how many; 0 while the group is not there.

local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers['err'] then return 0 end
local reaped = 0
for _, consumer in ipairs(consumers) do
  local fact = {}
  for at = 1, #consumer, 2 do fact[consumer[at]] = consumer[at + 1] end
  if fact['pending'] == 0 and fact['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], fact['name'])
    reaped = reaped + 1
  end
end
return reaped
