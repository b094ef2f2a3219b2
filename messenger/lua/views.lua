-- A part of every script that touches the view, and not a script of its own.
--
-- A view's keys carry its generation, which the meta names: a rebuild makes the next one beside the one
-- in force and switches to it. While another one may hold texts, it is named too: what leaves the one in
-- force leaves both.
--
-- view(key, generation)
--   key         any key of the partition   generation  string; '' or false: the first
-- Returns the beginning of that view's keys: `message:`, `room:` and `rooms` follow.
--
-- views(key, facts, now)
--   facts       {view, beside, beside_until}, as the meta has them
-- Returns the beginnings of the view in force and, while there is one, of the one beside it.
--
-- The keys are made here and not declared: which they are is only known in the store, and they carry
-- its partition's hash tag, so they are in its slot.

local function view(key, generation)
  local tag = string.match(key, '^messenger:{%d+}:')
  if not generation or generation == '' then return tag end
  return tag .. 'view:' .. generation .. ':'
end

local function views(key, facts, now)
  local found = {view(key, facts[1])}
  if facts[2] and tonumber(facts[3]) > now then found[2] = view(key, facts[2]) end
  return found
end
