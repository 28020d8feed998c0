-- ARGV  5 key; 6 and 7 the earliest and latest time at which what ran out may be removed;
--       8 why what ran out has left
-- Gives {0, last revision, server's time, tombstone, ...}, newest first.
local key = ARGV[5]
if now >= tonumber(ARGV[6]) and now <= tonumber(ARGV[7]) then
  local v = call('GET', P .. 'r:' .. key)
  local lease = v and parse(v)
  if lease and not alive(lease) then remove('expired', key, ARGV[8], v, lease) end
end
return {0, int(num), stamp, unpack(call('LRANGE', P .. 't:' .. key, 0, -1))}
