-- Makes a partition ready for use, and tells its facts. Safe to run at any time, from any process.
-- flags: allow-oom (a process must be able to start beside a full store, to read and to sweep)
--
-- A log that is not there, or that has no epoch, begins a new history: a new epoch, an empty view.
-- The log is only ever made here, so that no history begins without an epoch.
--
-- KEYS  1 log   2 meta   3 expiring   4 secret
-- ARGV  1 partitions   2 window (ms)   3 and 4 random words for an epoch and a secret
--       5 the id up to which the caller has written `expiring` for a longer window, or ''
-- Returns one of
--       {'settled', epoch, secret, last id, window in force, where its rooms were before; '' if here
--           (messenger/ancestors.py)}
--       {'partitions', the number that this store was set up with}
--       {'longer', window in force}   the window grows: write `expiring` first, then call again

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local partitions = redis.call('HGET', KEYS[2], 'partitions')
if partitions and partitions ~= ARGV[1] then return {'partitions', tonumber(partitions)} end

-- Rooms' indexes are known only from the view itself. A rebuild that is under way ends at this.
local function begin_history()
  local view = view(KEYS[1], redis.call('HGET', KEYS[2], 'view'))
  for _, room in ipairs(redis.call('ZRANGE', view .. 'rooms', 0, -1)) do
    redis.call('UNLINK', view .. 'room:' .. room)
  end
  redis.call('UNLINK', KEYS[3], view .. 'rooms')
  redis.call('HDEL', KEYS[2], 'trimmed_to', 'trimmed_at', 'swept_to', 'window', 'window_next', 'window_at',
    'window_from', 'building', 'removed')
  redis.call('HSET', KEYS[2], 'epoch', string.format('%.0f-%s', now, ARGV[3]))
end

if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[2], 'epoch') == 0 then
  begin_history()
end
-- A store of before the secret had a key of its own keeps its secret: erase tokens go on being good.
redis.call('SET', KEYS[4], redis.call('HGET', KEYS[2], 'secret') or ARGV[4], 'NX')
redis.call('HDEL', KEYS[2], 'secret')
redis.call('HSET', KEYS[2], 'partitions', ARGV[1])

-- BUSYGROUP is the usual case: the group is there.
redis.pcall('XGROUP', 'CREATE', KEYS[1], 'projector', '0', 'MKSTREAM')

local fact = stream_of(KEYS[1])
local last = fact['last-generated-id']
-- How many entries our scripts have taken out; what went before somebody counted is not held against
-- anyone. The sweeper compares.
redis.call('HSETNX', KEYS[2], 'removed', fact['entries-added'] - fact['length'])

-- A longer window: what was posted under the shorter one is written to `expiring`, for the trim no
-- longer takes it in time. What came in since the caller wrote it is written here.
local function lengthen(from)
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[5], '+')) do
    local ms = tonumber(string.match(entry[1], '^%d+'))
    redis.call('ZADD', KEYS[3], 'NX', string.format('%.0f', ms + from), entry[1])
  end
  -- What was over by the shorter one is not in the log, although the longer one reaches there.
  local gone = math.max(now - from, tonumber(redis.call('HGET', KEYS[2], 'window_from') or nil) or 0)
  redis.call('HSET', KEYS[2], 'window', ARGV[2], 'window_from', string.format('%.0f', gone))
end

local wanted, window = tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[2], 'window') or nil)
if not window then
  window = wanted
  redis.call('HSET', KEYS[2], 'window', wanted)
elseif wanted > window then
  if ARGV[5] == '' then return {'longer', window} end
  lengthen(window)
  window = wanted
end
-- A shorter window trims later, when all that was accepted under the longer one has lived its life.
if wanted == window then
  redis.call('HDEL', KEYS[2], 'window_next', 'window_at')
elseif redis.call('HGET', KEYS[2], 'window_next') ~= ARGV[2] then
  redis.call('HSET', KEYS[2], 'window_next', wanted, 'window_at', string.format('%.0f', now + window))
end

-- The last one stands first: when its time is over, so is that of all.
local ancestors = redis.call('HGET', KEYS[2], 'ancestors') or ''
if ancestors ~= '' and tonumber(string.match(ancestors, ':(%d+)')) <= now then ancestors = '' end
return {'settled', redis.call('HGET', KEYS[2], 'epoch'), redis.call('GET', KEYS[4]), last, window, ancestors}
