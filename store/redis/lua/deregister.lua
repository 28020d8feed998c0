-- ARGV  5 key; 6 the lease that must be the record's, or nothing; 7 why; 8 the code of that
--       9 and 10 the key and the lease of another record that must live, or nothing
-- Gives {0, revision}; {2} if that other record does not; {3} if the lease is lost, {4} if nothing is known of the key.
local key = ARGV[5]
local v = call('GET', P .. 'r:' .. key)
if not v then return {gone(key)} end
local lease = parse(v)
if ARGV[6] ~= '' and ARGV[6] ~= lease or not alive(lease) then return {3} end
if not during(ARGV[9], ARGV[10]) then return {2} end
return {0, remove(ARGV[8], key, ARGV[7], v, lease)}
