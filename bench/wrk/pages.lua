-- wrk: asks for the paths that were given after `--`, one after the other, again and again.
local paths, at = {}, 0

function init(args)
  paths = args
end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
