-- ARGV  5 key; 6 the lease that must be the record's, or nothing; 7 why; 8 the code of that
-- Gives {0, revision}; {3} if the lease is lost, {4} if nothing is known of the key.
local key = ARGV[5]
local v = call('GET', P .. 'r:' .. key)
if not v then return {gone(key)} end
local lease = parse(v)
if ARGV[6] ~= '' and ARGV[6] ~= lease or not alive(lease) then return {3} end
return {0, remove(ARGV[8], key, ARGV[7], v, lease)}
