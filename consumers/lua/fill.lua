-- Fills the view that is built with a page of the log. What was not applied yet is left out: the
-- projector applies it to both views. May be run again.
--
-- KEYS  1 log   2 meta
-- ARGV  1 the rebuild's word   2 the generation that is built   3 for how long its lease is kept (ms)
--       4 the id up to which it was filled   5 and up to which it is then   6 group
--       7 the page's first id   8 its last   then its entries in sections (rows.lua)
-- Returns how many messages the page has added, or -1: the lease was lost, or the store has forgotten
--         some of what was filled, as a crash may make it. Nothing can be built on that.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'rebuild', 'rebuild_until', 'building', 'built_to', 'window',
  'trimmed_to')
local is_ours = facts[1] == ARGV[1] and tonumber(facts[2]) > now and facts[3] == ARGV[2]
if not is_ours or (facts[4] ~= ARGV[4] and facts[4] ~= ARGV[5]) then return -1 end
local delivered = delivered_to(KEYS[1])
if not delivered then return -1 end

local waiting = pending(KEYS[1], ARGV[6], ARGV[7], ARGV[8])
local beside = view(KEYS[1], ARGV[2])
local rule = rule_of(now, tonumber(facts[5]))
local added, reaches_further = 0, is_after(ARGV[8], delivered)
each_entry(9, function(kind, room, _, id, member, at, more)
  local was_applied = not waiting[id] and not (reaches_further and is_after(id, delivered))
  -- Cut since the page was read.
  if facts[6] and not is_after(id, facts[6]) then was_applied = false end
  if kind == 'posted' and was_applied and tonumber(at) > now then
    if not post(beside, rule, id, room, member, at, more) then added = added + 1 end
  elseif kind == 'erased' then
    erase(beside, rule, more, room, member, at)
  end
end)
finish(rule)
redis.call('HSET', KEYS[2], 'built_to', ARGV[5], 'rebuild_until', string.format('%.0f', now + ARGV[3]),
  'beside_until', string.format('%.0f', now + facts[5]))
return added
