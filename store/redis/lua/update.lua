-- ARGV  5 key; 6 the lease that must be the record's, or nothing; 7 the revision that the
--       change was made from; 8 the JSON; 9 not empty: clients see the change; 10 why
--       11 and 12 the key and the lease of another record that must live, or nothing
-- Gives {0, revision}; {2} if that other record does not; {5, record} if the record has changed meanwhile; {3} if the lease is
-- lost, {4} if nothing is known of the key.
local key = ARGV[5]
local v = call('GET', P .. 'r:' .. key)
if not v then return {gone(key)} end
local lease, gen, was, changed, ttl, at = parse(v)
if ARGV[6] ~= '' and ARGV[6] ~= lease or not alive(lease) then return {3} end
if was ~= ARGV[7] then return {5, v} end
if not during(ARGV[11], ARGV[12]) then return {2} end
local n = step()
if ARGV[9] ~= '' then changed = n end
v = '1 ' .. lease .. ' ' .. gen .. ' ' .. n .. ' ' .. changed .. ' ' .. ttl .. ' ' .. at .. '\n' .. ARGV[8]
call('SET', P .. 'r:' .. key, v)
tell(n, '+', key, ARGV[10], v)
return {0, n}
