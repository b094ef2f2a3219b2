-- Tells what a fold of the log must know of the moment from which on it is compared.
-- flags: no-writes
--
-- KEYS  1 log   2 meta
-- ARGV  1 group
-- Returns {now, epoch, last id, the id up to which the group has been handed entries,
--          the ids that it holds and has not acked, minute, posted, erased, and so on},
--         or {} while the log or the group is not there. The minutes are those of the window, up to a
--         day: older counts have died.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'epoch', 'window')
if not facts[1] or not facts[2] or redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local delivered = delivered_to(KEYS[1])
if not delivered then return {} end

local last = stream_of(KEYS[1])['last-generated-id']

local pending = {}
local held = redis.call('XPENDING', KEYS[1], ARGV[1])[1]
if held > 0 then
  for at, each in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', held)) do
    pending[at] = each[1]
  end
end

local counts, prefix = {}, view(KEYS[1], '') .. 'minute:'
local from = math.floor((now - math.min(tonumber(facts[2]), 86400000)) / 60000)
for minute = from, math.floor(now / 60000) + 1 do
  local count = redis.call('HMGET', prefix .. string.format('%.0f', minute), 'posted', 'erased')
  counts[#counts + 1] = minute
  counts[#counts + 1] = tonumber(count[1] or nil) or 0
  counts[#counts + 1] = tonumber(count[2] or nil) or 0
end
return {now, facts[1], last, delivered, pending, counts}
