-- Moves an entry that can't be applied from a group's pending list to its dead letters, in one step.
--
-- KEYS  1 log   2 dead letters
-- ARGV  1 group   2 entry id   3 the dead letters' MINID   4 then the dead letter's names and values
-- Returns 1, or 0 if somebody else had acked the entry.

if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XADD', KEYS[2], 'MINID', '=', ARGV[3], '*', unpack(ARGV, 4))
return 1
