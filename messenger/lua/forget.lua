-- A part of append.lua, erase.lua and sweep.lua, and not a script of its own.
-- Takes expired entries out of a log, the oldest first, each together with its row in the view.
--
-- forget(log, meta, bound, most, now)
--   bound  string: an id; entries below it are expired
--   most   how many entries at the most, so that a long backlog never blocks the store
-- Returns how many went, and whether there may be more.

local function is_after(id, other)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms > other_ms or (ms == other_ms and tonumber(seq) > tonumber(other_seq))
end

-- The id up to which the projector's group has been handed entries; nil without the group.
local function delivered_to(log)
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', log)) do
    local fact = {}
    for at = 1, #group, 2 do fact[group[at]] = group[at + 1] end
    if fact['name'] == 'projector' then return fact['last-delivered-id'] end
  end
end

local function forget(log, meta, bound, most, now)
  local old = redis.call('XRANGE', log, '-', '(' .. bound, 'COUNT', most)
  if #old == 0 then return 0, false end
  local delivered, unread, ids, rows = delivered_to(log), 0, {}, {}
  local views = views(log, redis.call('HMGET', meta, 'view', 'beside', 'beside_until'), now)
  for at, entry in ipairs(old) do
    ids[at] = entry[1]
    for _, view in ipairs(views) do rows[#rows + 1] = view .. 'message:' .. entry[1] end
    if delivered and is_after(entry[1], delivered) then unread = unread + 1 end
  end
  redis.call('UNLINK', unpack(rows))
  -- By their ids: the id after the last can't be told, for Lua's numbers do not reach so far.
  redis.call('XDEL', log, unpack(ids))
  redis.call('HINCRBY', meta, 'swept', #old)
  if unread > 0 then redis.call('HINCRBY', meta, 'expired_unprocessed', unread) end
  return #old, #old == most
end
