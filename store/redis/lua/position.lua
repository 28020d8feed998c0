-- ARGV 3 a revision, or nothing for the last. Gives {0, last revision, the nonce of the one
-- asked for, the nonce of the last}, or {7} if one cannot watch from there.
local last = int(num)
local at = ARGV[3] ~= '' and ARGV[3] or last
if tonumber(at) > num or tonumber(at) < tonumber(meta[4]) then return {7} end
local tail = call('XRANGE', P .. 'x', last .. '-0', last .. '-0')[1]
if not tail then return {1} end
at = call('XRANGE', P .. 'x', at .. '-0', at .. '-0')[1]
if not at then return {7} end
return {0, last, at[2][2], tail[2][2]}
