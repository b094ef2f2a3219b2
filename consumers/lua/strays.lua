-- Finds, among rows of the view, those that nothing in the log stands behind or that never die, in one
-- step.
-- flags: no-writes
--
-- KEYS  1 log   2 meta
-- ARGV  1 generation of the view that was looked through   then each row's message id
-- Returns {what is odd}, and for each that is {its place, from 1, the row, when it dies (ms; -1 never),
--         1 if its entry is in the log}; or {} if another view is in force now.

local generation = redis.call('HGET', KEYS[2], 'view')
if (generation or '') ~= ARGV[1] then return {} end
local prefix = view(KEYS[1], generation) .. 'message:'

local odd = {}
for at = 2, #ARGV do
  local row, dies = redis.pcall('GET', prefix .. ARGV[at]), redis.call('PEXPIRETIME', prefix .. ARGV[at])
  if type(row) == 'table' then row = '?' end
  if row then
    local is_word = row == 'erased' or row == 'expired'
    local entries = is_word and 1 or #redis.pcall('XRANGE', KEYS[1], ARGV[at], ARGV[at])
    if entries == 0 or dies == -1 then odd[#odd + 1] = {at - 1, row, dies, entries} end
  end
end
return {odd}
