-- Finds, among members of a room's index, those that have no row of that room, in one step.
-- flags: no-writes
--
-- KEYS  1 log   2 meta
-- ARGV  1 generation of the view that was looked through   2 room   3 the room's name as JSON
--       then two for each member: the member, the message's id
-- Returns {now, window, window_from, what is odd}, and for each that is {its place, from 1, the row, 1 if
--         its entry is in the log}; or {} if another view is in force now.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local facts = redis.call('HMGET', KEYS[2], 'view', 'window', 'window_from')
if (facts[1] or '') ~= ARGV[1] then return {} end
local view = view(KEYS[1], facts[1])

local odd = {}
for at = 4, #ARGV, 2 do
  local id = ARGV[at + 1]
  local row = redis.pcall('GET', view .. 'message:' .. id)
  if type(row) == 'table' then row = '?' end
  local begins = '{"id":"' .. id .. '","room":' .. ARGV[3] .. ','
  if not row or string.sub(row, 1, #begins) ~= begins then
    -- It may have left the index since it was seen there.
    local score = redis.pcall('ZSCORE', view .. 'room:' .. ARGV[2], ARGV[at])
    if score and type(score) ~= 'table' then
      odd[#odd + 1] = {(at - 2) / 2, row, #redis.pcall('XRANGE', KEYS[1], id, id)}
    end
  end
end
return {now, tonumber(facts[2] or nil) or 0, tonumber(facts[3] or nil) or 0, odd}
