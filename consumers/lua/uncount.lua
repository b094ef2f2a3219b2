-- Takes off this partition's counts what the new partitions count now, once: in one step with the memory
-- of how much that is.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- KEYS  1 moved   2 then the minutes that are in it
-- ARGV  none
-- Returns 1.

for at = 2, #KEYS do
  local minute = string.match(KEYS[at], ':(%d+)$')
  local counts = redis.call('HMGET', KEYS[1], minute .. ':posted', minute .. ':erased')
  for index, name in ipairs({'posted', 'erased'}) do
    local found, moved = tonumber(redis.call('HGET', KEYS[at], name) or nil), tonumber(counts[index] or nil)
    -- A minute's counts that have died stay dead.
    if found and moved then
      redis.call('HSET', KEYS[at], name, string.format('%.0f', math.max(found - moved, 0)))
    end
  end
end
redis.call('UNLINK', KEYS[1])
return 1
