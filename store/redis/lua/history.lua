-- ARGV 3 where to begin, as XREVRANGE takes it; 4 how many entries to look at; 5 to 7 kind,
-- service and ID as they stand in keys, or nothing for all.
-- Gives {0, last revision, the last ID looked at if there may be more, entries}, newest first.
local entries = call('XREVRANGE', P .. 'x', ARGV[3], '-', 'COUNT', ARGV[4])
local more = #entries == tonumber(ARGV[4]) and entries[#entries][1] or ''
local out = {}
for _, entry in ipairs(entries) do
  local key = entry[2][10]
  if key ~= '' then
    local a = string.find(key, '/', 1, true)
    local b = string.find(key, '/', a + 1, true)
    if (ARGV[5] == '' or ARGV[5] == string.sub(key, 1, a - 1)) and
       (ARGV[6] == '' or ARGV[6] == string.sub(key, a + 1, b - 1)) and
       (ARGV[7] == '' or ARGV[7] == string.sub(key, b + 1)) then
      out[#out + 1] = entry
    end
  end
end
return {0, int(num), more, out}
