-- Erases a message before its time, from log and view at once, and says so with an event.
-- flags: allow-oom (it frees memory, and must work when there is none)
--
-- KEYS  1 log   2 meta   3 expiring   4 the minute it was posted in   5 letters
-- ARGV  1 the message's id   2 room   3 by: author or operator   4 its member in the index
--       5 life of a minute's counts (ms)   6 how many partitions the caller knows of
-- Returns {'erased', id of the event; '' if it was erased before}, or {'missing'}: no such message
--         lives in that room; or {'moved'}: the store has, or is just getting, another number of partitions.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'view', 'beside', 'beside_until', 'partitions', 'fence')
if facts[4] ~= ARGV[6] or (facts[5] and tonumber(facts[5]) > now) then return {'moved'} end
local views = views(KEYS[1], facts, now)

local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then
  if redis.call('GET', views[1] .. 'message:' .. ARGV[1]) == 'erased' then return {'erased', ''} end
  return {'missing'}
end

local field = {}
for at = 1, #entry[2], 2 do field[entry[2][at]] = entry[2][at + 1] end
local expires_at = tonumber(string.match(ARGV[1], '^%d+')) + (tonumber(field['ttl']) or 0)
if field['type'] ~= 'message.posted' or field['room'] ~= ARGV[2] or expires_at <= now then
  return {'missing'}
end

local function count(minute, name)
  redis.call('HINCRBY', minute, name, 1)
  redis.call('PEXPIRE', minute, ARGV[5])
end

-- Once out of the log it is delivered to nobody: who counts posts would never count it.
-- Nor does one count it that holds it now: it is acked here, in every group, so that none is left with
-- an entry that is no more.
for _, group in ipairs(groups_of(KEYS[1])) do
  local is_held = redis.call('XACK', KEYS[1], group.name, ARGV[1]) == 1
  if group.name == 'projector' and (is_held or is_after(ARGV[1], group.delivered)) then
    count(KEYS[4], 'posted')
  end
end

local window = window_of(KEYS[2])
redis.call('HINCRBY', KEYS[2], 'removed', redis.call('XDEL', KEYS[1], ARGV[1]))
redis.call('ZREM', KEYS[3], ARGV[1])
-- The tombstone outlives a short life: a reader is told that it was erased for as long as any message
-- of that time can live.
local until_ms = math.max(expires_at, tonumber(string.match(ARGV[1], '^%d+')) + window)
for _, view in ipairs(views) do
  redis.call('SET', view .. 'message:' .. ARGV[1], 'erased', 'PXAT', string.format('%.0f', until_ms))
  redis.call('ZREM', view .. 'room:' .. ARGV[2], ARGV[4])
end
-- A letter goes when its message would have gone, and no later than the window.
local posted_at = tonumber(string.match(ARGV[1], '^%d+'))
for _, at in ipairs({expires_at, posted_at + window}) do
  drop_letters(KEYS[1], KEYS[5], letters_of(KEYS[5], ARGV[1], at))
end
local id = redis.call('XADD', KEYS[1], '*',
  'type', 'message.erased', 'room', ARGV[2], 'message', ARGV[1], 'by', ARGV[3])
-- In the minute of the event, by which whoever folds the log counts it.
local minute = string.format('%.0f', math.floor(tonumber(string.match(id, '^%d+')) / 60000))
count(view(KEYS[1], '') .. 'minute:' .. minute, 'erased')
return {'erased', id}
