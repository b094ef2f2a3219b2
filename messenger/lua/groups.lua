-- A part of scripts that look at the log's consumer groups, and not a script of its own.
--
-- is_after(id, other)      Returns whether an id is later than another: by number, never as text
-- stream_of(log)           Returns what XINFO STREAM says, by name
-- groups_of(log)           Returns {name, delivered} for each group; `delivered` is the id up to which
--                          it has been handed entries
-- delivered_to(log)        Returns that id of the projector's group; nil without the group
-- window_of(meta)          Returns the window in force (ms)
-- facts_of(log, group)     Returns the key of what is known of a group
-- tally(log, meta, group, name, n)
--   Counts n more for a group where every process sees it. Returns nothing. The projector's counts are
--   history and stand in the log's meta; another group's hash lives as long as its consumers and, after
--   them, a window and a day.
--
-- A group's hash has a key that is made here: it carries the log's hash tag.

local function is_after(id, other)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms > other_ms or (ms == other_ms and tonumber(seq) > tonumber(other_seq))
end

local function by_name(flat)
  local fact = {}
  for at = 1, #flat, 2 do fact[flat[at]] = flat[at + 1] end
  return fact
end

local function stream_of(log) return by_name(redis.call('XINFO', 'STREAM', log)) end

local function groups_of(log)
  local found = {}
  for at, group in ipairs(redis.call('XINFO', 'GROUPS', log)) do
    local fact = by_name(group)
    found[at] = {name = fact['name'], delivered = fact['last-delivered-id']}
  end
  return found
end

local function delivered_to(log)
  for _, group in ipairs(groups_of(log)) do
    if group.name == 'projector' then return group.delivered end
  end
end

local function window_of(meta)
  return tonumber(redis.call('HGET', meta, 'window') or nil) or 0
end

local function keep_alive(facts, meta)
  redis.call('PEXPIRE', facts, string.format('%.0f', window_of(meta) + 86400000))
end

local function facts_of(log, group)
  return string.sub(log, 1, -4) .. 'group:' .. group
end

local function tally(log, meta, group, name, n)
  if n == 0 then return end
  if group == 'projector' then
    redis.call('HINCRBY', meta, name, n)
    return
  end
  local facts = facts_of(log, group)
  redis.call('HINCRBY', facts, name, n)
  keep_alive(facts, meta)
end
