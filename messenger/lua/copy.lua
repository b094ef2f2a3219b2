-- Takes messages of another log into this one, all or nothing: no message lives longer for it, none
-- comes twice, and none comes back that was erased here.
--
-- A message keeps its id, and so its place and its time, where nothing younger is in the log and no
-- reader can be past it. Else it gets an id of now, at the end, and what is left of its life, or the
-- window of this log where that is shorter. A log that never had an entry begins its history anew with
-- the first that is copied, or it could keep no id.
--
-- KEYS  1 log   2 meta   3 expiring   then for each message the mark that it was copied
-- ARGV  1 a random word for an epoch   2 how many partitions the caller knows of
--       then five for each message: id, room, author, text, ttl (ms)
-- Returns {'unsettled'}: the log is not there; {'moved'}: the store has, or is just getting, another
--         number of partitions; or one word for each message:
--         kept or moved   it is in this log now
--         seen            it was, before
--         expired         its time is over
--         erased          it was erased here

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'window', 'window_next', 'window_at', 'epoch',
  'view', 'partitions', 'fence')
local window = tonumber(facts[1] or nil)
if not window or redis.call('EXISTS', KEYS[1]) == 0 then return {'unsettled'} end
if facts[6] ~= ARGV[2] or (facts[7] and tonumber(facts[7]) > now) then return {'moved'} end

local last = stream_of(KEYS[1])['last-generated-id']

local view = view(KEYS[1], facts[5]) .. 'message:'

local function ms_of(id) return tonumber(string.match(id, '^%d+')) end

local birth = ms_of(facts[4])
local function may_keep(id)
  if not is_after(id, last) or ms_of(id) > now then return false end
  if ms_of(id) < birth and last == '0-0' then
    birth = ms_of(id)
    redis.call('HSET', KEYS[2], 'epoch', string.format('%.0f-%s', birth, ARGV[1]))
  end
  return ms_of(id) >= birth
end

local function is_here(id, room, author, text)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if not entry then return false end
  local field = {}
  for at = 1, #entry[2], 2 do field[entry[2][at]] = entry[2][at + 1] end
  return field['type'] == 'message.posted' and field['room'] == room
    and field['author'] == author and field['text'] == text
end

local function add(id, room, author, text, ttl)
  local added = redis.call('XADD', KEYS[1], id,
    'type', 'message.posted', 'room', room, 'author', author, 'text', text, 'ttl', ttl)
  last = added
  local expires_at = ms_of(added) + ttl
  if ttl < window then redis.call('ZADD', KEYS[3], string.format('%.0f', expires_at), added) end
  -- A shorter window waits until all that was promised longer has had its life.
  if facts[2] and ttl > tonumber(facts[2]) and expires_at > tonumber(facts[3]) then
    facts[3] = string.format('%.0f', expires_at)
    redis.call('HSET', KEYS[2], 'window_at', facts[3])
  end
  return added
end

local function copy(mark, id, room, author, text, life)
  local expires_at = ms_of(id) + life
  if expires_at <= now then return 'expired' end
  local function remember(as)
    redis.call('SET', mark, as, 'PXAT', string.format('%.0f', expires_at))
  end
  if redis.call('EXISTS', mark) == 1 then return 'seen' end
  if is_here(id, room, author, text) then
    remember(id)
    return 'seen'
  end
  if redis.call('GET', view .. id) == 'erased' then return 'erased' end
  if life <= window and may_keep(id) then
    remember(add(id, room, author, text, life))
    return 'kept'
  end
  local ms = math.max(now, ms_of(last))
  if expires_at <= ms then return 'expired' end
  remember(add(string.format('%.0f-*', ms), room, author, text, math.min(expires_at - ms, window)))
  return 'moved'
end

local outcomes = {}
for at = 0, (#ARGV - 2) / 5 - 1 do
  local id, room, author, text, ttl = unpack(ARGV, at * 5 + 3, at * 5 + 7)
  outcomes[at + 1] = copy(KEYS[at + 4], id, room, author, text, tonumber(ttl))
end
return outcomes
