-- ARGV 3 key. Gives {0, last revision, record or nothing}.
local v = call('GET', P .. 'r:' .. ARGV[3])
if v and alive((parse(v))) then return {0, int(num), v} end
return {0, int(num)}
