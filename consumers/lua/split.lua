-- Copies entries into a partition that a repartition makes, in their order and under their ids, and
-- gives it a sign of life. Safe to be run again: what is there by now is passed over.
--
-- A message that is erased after it was copied leaves this log too, as in erase.lua. The counts of
-- erased messages come along; those that live are counted by the projector.
--
-- KEYS  1 log   2 meta   3 expiring   4 secret
-- ARGV  1 the repartition's word   2 for how long it lives without a sign of life (ms)
--       3 life of a minute's counts (ms)
--       then for each entry: id, 1 if it erases what is no more in the log it comes from (else 0), how
--       many names and values it has, and those
-- Returns how many were copied now, or -1: the partition is not there any more.

if redis.call('HGET', KEYS[2], 'split') ~= ARGV[1] then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = window_of(KEYS[2])
local own = view(KEYS[1], '')
local last, delivered = stream_of(KEYS[1])['last-generated-id'], nil

local function ms_of(id) return tonumber(string.match(id, '^%d+')) end

local function count(id, name)
  local minute = own .. 'minute:' .. string.format('%.0f', math.floor(ms_of(id) / 60000))
  redis.call('HINCRBY', minute, name, 1)
  redis.call('PEXPIRE', minute, ARGV[3])
end

local function post(id, field)
  local ttl = math.min(tonumber(field['ttl'] or nil) or window, window)
  local expires_at = ms_of(id) + ttl
  if expires_at <= now then return false end
  if ttl < window then redis.call('ZADD', KEYS[3], string.format('%.0f', expires_at), id) end
  -- The room is none that somebody has just opened.
  redis.call('SET', own .. 'spoken:' .. field['room'], string.match(id, '^%d+'), 'PXAT',
    string.format('%.0f', ms_of(id) + window))
  return true
end

local function erase(id, message)
  count(id, 'erased')
  if #redis.call('XRANGE', KEYS[1], message, message) == 0 then
    count(message, 'posted')
    return
  end
  delivered = delivered or delivered_to(KEYS[1])
  local is_held = redis.call('XACK', KEYS[1], 'projector', message) == 1
  if is_held or is_after(message, delivered) then count(message, 'posted') end
  redis.call('HINCRBY', KEYS[2], 'removed', redis.call('XDEL', KEYS[1], message))
  redis.call('ZREM', KEYS[3], message)
end

local copied, at = 0, 4
while at <= #ARGV do
  local id, erases, size = ARGV[at], ARGV[at + 1] == '1', tonumber(ARGV[at + 2])
  local field = {}
  for index = at + 3, at + 2 + size, 2 do field[ARGV[index]] = ARGV[index + 1] end
  if is_after(id, last) then
    local lives = ms_of(id) + window > now
    if field['type'] == 'message.posted' then
      lives = post(id, field)
    elseif field['type'] == 'message.erased' and erases then
      erase(id, field['message'])
    elseif field['type'] == 'message.erased' then
      count(id, 'erased')
    end
    if lives then
      redis.call('XADD', KEYS[1], id, unpack(ARGV, at + 3, at + 2 + size))
      last, copied = id, copied + 1
    end
  end
  at = at + 3 + size
end
for index = 1, 4 do redis.call('PEXPIRE', KEYS[index], ARGV[2]) end
return copied
