-- Applies a batch of entries to the view. The ack is the claim: only who takes an entry off the
-- pending list applies it, in the same step. So each counts once, however often it is delivered, and
-- effects commute, so the order between projectors does not matter.
--
-- While a rebuild makes another view beside the one in force, entries are applied to both.
--
-- KEYS  1 log   2 meta
-- ARGV  1 group   2 life of a minute's counts (ms)   3 the first id of the batch   4 its last
--       then the entries in sections (rows.lua)
-- Returns how many of them were applied now.
--
-- The keys of minutes are made here: which they are the sections say, and they carry the log's tag.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'view', 'building', 'rebuild_until', 'window', 'trimmed_to')
local views = views(KEYS[1], facts, now)
-- The window in force: a process may be set to another.
local rule = rule_of(now, tonumber(facts[4] or nil) or 0)
local ours, over, posted = pending(KEYS[1], ARGV[1], ARGV[3], ARGV[4]), 0, {}

-- One ack for all: the store writes down each call of a script.
local acked = {}
each_entry(5, function(_, _, _, id) if ours[id] then acked[#acked + 1] = id end end)
if #acked == 0 then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], unpack(acked))

-- Cut after it was handed out: what the log has no more does not come into the view.
local function was_cut(id) return facts[5] and not is_after(id, facts[5]) end

local function post_and_count(room, minute, id, member, expires_at, json)
  if tonumber(expires_at) <= now or was_cut(id) then
    over = over + 1
    return
  end
  -- A row that is there was counted when it was written: somebody made the group anew.
  if not is_living(post(views[1], rule, id, room, member, expires_at, json)) then
    posted[minute] = (posted[minute] or 0) + 1
  end
  if views[2] then post(views[2], rule, id, room, member, expires_at, json) end
end

each_entry(5, function(kind, room, minute, id, member, at, more)
  if not ours[id] then return end
  if kind == 'posted' then
    post_and_count(room, minute, id, member, at, more)
  elseif kind == 'erased' then
    for _, view in ipairs(views) do erase(view, rule, more, room, member, at) end
  elseif kind == 'vanished' then
    over = over + 1
  end
end)
finish(rule)
local prefix = view(KEYS[1]) .. 'minute:'
for minute, count in pairs(posted) do
  redis.call('HINCRBY', prefix .. minute, 'posted', count)
  redis.call('PEXPIRE', prefix .. minute, ARGV[2])
end
if over > 0 then redis.call('HINCRBY', KEYS[2], 'expired_unprocessed', over) end
redis.call('HINCRBY', KEYS[2], 'projected', #acked)
return #acked
