-- A part of append.lua and sweep.lua, after groups.lua, and not a script of its own.
-- Takes expired entries out of a log, the oldest first, each together with its row in the view.
--
-- forget(log, meta, bound, most, now)
--   bound  string: an id; entries below it are expired
--   most   how many entries at the most, so that a long backlog never blocks the store
-- Returns how many went, and whether there may be more.
--
-- count_unread(log, meta, ids) counts, for each group, those that it was not handed: they expired before
-- it could see them. Returns nothing.

local function count_unread(log, meta, ids)
  for _, group in ipairs(groups_of(log)) do
    local unread = 0
    for _, id in ipairs(ids) do
      if is_after(id, group.delivered) then unread = unread + 1 end
    end
    tally(log, meta, group.name, 'expired_unprocessed', unread)
  end
end

local function forget(log, meta, bound, most, now)
  local old = redis.call('XRANGE', log, '-', '(' .. bound, 'COUNT', most)
  if #old == 0 then return 0, false end
  local ids, rows = {}, {}
  local views = views(log, redis.call('HMGET', meta, 'view', 'beside', 'beside_until'), now)
  for at, entry in ipairs(old) do
    ids[at] = entry[1]
    for _, view in ipairs(views) do rows[#rows + 1] = view .. 'message:' .. entry[1] end
  end
  count_unread(log, meta, ids)
  redis.call('UNLINK', unpack(rows))
  -- By their ids: the id after the last can't be told, for Lua's numbers do not reach so far.
  redis.call('XDEL', log, unpack(ids))
  redis.call('HINCRBY', meta, 'swept', #old)
  redis.call('HINCRBY', meta, 'removed', #old)
  return #old, #old == most
end
