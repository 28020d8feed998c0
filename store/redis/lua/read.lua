-- ARGV 3 key; 4 the lease that must be the record's, or nothing. Gives {0, last revision,
-- record}; {3} if the lease is lost, {4} if nothing is known of the key.
local v = call('GET', P .. 'r:' .. ARGV[3])
if not v then return {call('EXISTS', P .. 't:' .. ARGV[3]) == 1 and 3 or 4} end
local lease = parse(v)
if ARGV[4] ~= '' and ARGV[4] ~= lease or not alive(lease) then return {3} end
return {0, int(num), v}
