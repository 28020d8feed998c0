-- ARGV 3 a revision, 4 how many entries to give at most. Gives {0, last revision, entries}, of
-- which the first is the revision's own; {7} if that was trimmed, {5} if it is missing.
local entries = call('XRANGE', P .. 'x', ARGV[3] .. '-0', '+', 'COUNT', ARGV[4])
local first = entries[1]
if first and first[1] == ARGV[3] .. '-0' then return {0, int(num), entries} end
first = call('XRANGE', P .. 'x', '-', '+', 'COUNT', 1)[1]
if first and tonumber(string.match(first[1], '^%d+')) > tonumber(ARGV[3]) then return {7} end
return {5}
