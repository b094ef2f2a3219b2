-- Takes dead letters out: to hand their entries to the group again, or for good.
--
-- An entry that is handed out again is put among what the group's consumers hold, as one that has been
-- idle for long and was never tried: the next that takes over what others left gets it. Nothing is
-- appended to the log. The consumer whose it is until then is forgotten like any that is silent.
-- flags: allow-oom (dropping frees memory)
--
-- KEYS  1 log   2 meta   3 letters
-- ARGV  1 group   2 requeue or drop   3 then for each letter: its entry's id, its member in `letters`
-- Returns {how many were taken out, {ids of entries that are no more in the log: their letters stay}};
--         nil if the group is not there and is to be handed something.

local taken, gone = {}, {}
for at = 3, #ARGV, 2 do
  local id, member = ARGV[at], ARGV[at + 1]
  if redis.call('ZSCORE', KEYS[3], member) then
    if ARGV[2] == 'drop' then
      taken[#taken + 1] = member
    else
      local claim = redis.pcall('XCLAIM', KEYS[1], ARGV[1], 'messenger-requeue', 0, id,
        'IDLE', 1000000000, 'RETRYCOUNT', 0, 'FORCE', 'JUSTID')
      if claim['err'] and string.find(claim['err'], 'NOGROUP') then return false end
      if claim['err'] then return claim end
      if #claim == 1 then taken[#taken + 1] = member else gone[#gone + 1] = id end
    end
  end
end
drop_letters(KEYS[1], KEYS[3], taken)
if ARGV[2] == 'requeue' then tally(KEYS[1], KEYS[2], ARGV[1], 'requeued', #taken) end
return {#taken, gone}
