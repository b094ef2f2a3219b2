-- Makes a group, or makes it again where it was: it has been destroyed, or the log was emptied.
--
-- A group that is there goes on where it is. One that is gone goes on after the last entry before which
-- all was acked, so that nothing is missed. In a new history it begins at the start, and never at the
-- end: what came in since belongs to it.
-- flags: allow-oom (a consumer must be able to start beside a full store, to read)
--
-- KEYS  1 log   2 meta   3 what is known of the group
-- ARGV  1 group   2 the id after which a new group begins
--       3 the epoch in which our process has known it, or ''   4 how many partitions we know of
-- Returns {'kept', 'made' or 'remade', epoch, the epoch in which it was before, or ''};
--         {'partitions', how many there are} if it is another number; {} while the log is not there.

local log, meta, facts, name = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local epoch = redis.call('HGET', meta, 'epoch')
if not epoch or redis.call('EXISTS', log) == 0 then return {} end
local partitions = redis.call('HGET', meta, 'partitions')
if partitions ~= ARGV[4] then return {'partitions', partitions} end

local known = redis.call('HGET', facts, 'epoch')
local before = known or ARGV[3]

local function find()
  for _, group in ipairs(groups_of(log)) do
    if group.name == name then return group.delivered end
  end
end

-- Where a group that is gone had got to.
local function checkpoint()
  if known ~= epoch then return '0-0' end
  local oldest = redis.call('HGET', facts, 'oldest')
  if not oldest or oldest == '' then return redis.call('HGET', facts, 'delivered') end
  local previous = redis.call('XREVRANGE', log, '(' .. oldest, '-', 'COUNT', 1)[1]
  return previous and previous[1] or '0-0'
end

-- What has expired is not there for a new group, swept or not. Nor does it begin behind the newest
-- entry: what still comes in this millisecond is its own.
local function beginning()
  local time = redis.call('TIME')
  local oldest = string.format('%.0f-0', time[1] * 1000 + math.floor(time[2] / 1000) - window_of(meta))
  local begin = is_after(ARGV[2], oldest) and ARGV[2] or oldest
  local last = stream_of(log)['last-generated-id']
  return is_after(begin, last) and last or begin
end

local outcome, delivered = 'kept', find()
if not delivered then
  outcome = before == '' and 'made' or 'remade'
  delivered = outcome == 'made' and beginning() or checkpoint()
  redis.call('XGROUP', 'CREATE', log, name, delivered)
end
if known ~= epoch then
  redis.call('HDEL', facts, 'oldest', 'trimmed')
  redis.call('HSET', facts, 'epoch', epoch, 'delivered', delivered,
    'trimmed_seen', redis.call('HGET', meta, 'trimmed_to') or '')
end
keep_alive(facts, meta)
return {outcome, epoch, before}
