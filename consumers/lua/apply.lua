-- Applies a batch of entries to the view. The ack is the claim: only who takes an entry off the
-- pending list applies it, in the same step. So each counts once, however often it is delivered, and
-- effects commute, so the order between projectors does not matter.
--
-- While a rebuild makes another view beside the one in force, entries are applied to both.
--
-- KEYS  1 log   2 meta   then for each entry its minute
-- ARGV  1 group   2 life of a minute's counts (ms)
--       then seven for each entry: id, kind (posted, erased, vanished or other), the message's id,
--       room, member in the index, expires_at, row (posted: the message's JSON; else '')
--       For `erased` the message and the member are those of what was erased, and the time is when it
--       was posted.
-- Returns how many of them were applied now.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'view', 'building', 'rebuild_until', 'window', 'trimmed_to')
local views = views(KEYS[1], facts, now)
-- The window in force: a process may be set to another.
local rule = rule_of(now, tonumber(facts[4] or nil) or 0)
local applied, over, posted = 0, 0, {}

-- Cut after it was handed out: what the log has no more does not come into the view.
local function was_cut(id) return facts[5] and not is_after(id, facts[5]) end

local function post_and_count(minute, expires_at, id, ...)
  if tonumber(expires_at) <= now or was_cut(id) then
    over = over + 1
    return
  end
  -- A row that is there was counted when it was written: somebody made the group anew.
  if not is_living(post(views[1], rule, id, ...)) then posted[minute] = (posted[minute] or 0) + 1 end
  if views[2] then post(views[2], rule, id, ...) end
end

for at = 0, (#ARGV - 2) / 7 - 1 do
  local id, kind, message, room, member, expires_at, json = unpack(ARGV, at * 7 + 3, at * 7 + 9)
  if redis.call('XACK', KEYS[1], ARGV[1], id) == 1 then
    applied = applied + 1
    if kind == 'posted' then
      post_and_count(KEYS[at + 3], expires_at, message, room, member, expires_at, json)
    elseif kind == 'erased' then
      for _, view in ipairs(views) do erase(view, rule, message, room, member, expires_at) end
    elseif kind == 'vanished' then
      over = over + 1
    end
  end
end
finish(rule)
for minute, count in pairs(posted) do
  redis.call('HINCRBY', minute, 'posted', count)
  redis.call('PEXPIRE', minute, ARGV[2])
end
if over > 0 then redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', over) end
if applied > 0 then redis.call('HINCRBY', KEYS[2], 'projected', applied) end
return applied
