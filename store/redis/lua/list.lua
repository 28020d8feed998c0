-- ARGV 3 and 4 from and to, as ZRANGEBYLEX takes them; 5 how many keys to look at, at most
-- 1,000; 6 an ID, or nothing for all.
-- Gives {0, last revision, the last key looked at if there may be more, key, record, ...}.
local keys = call('ZRANGEBYLEX', P .. 'i', ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])
local out = {0, int(num), #keys == tonumber(ARGV[5]) and keys[#keys] or ''}
if ARGV[6] ~= '' then
  local chosen = {}
  for _, key in ipairs(keys) do
    local kind = string.find(key, '/', 1, true)
    if string.sub(key, string.find(key, '/', kind + 1, true) + 1) == ARGV[6] then chosen[#chosen + 1] = key end
  end
  keys = chosen
end
if #keys == 0 then return out end

local names = {}
for i, key in ipairs(keys) do names[i] = P .. 'r:' .. key end
local records = call('MGET', unpack(names))
local leases, at = {}, {}
for i, v in ipairs(records) do
  local lease = v and parse(v)
  if lease and lease ~= '-' then
    leases[#leases + 1] = P .. 'l:' .. lease
    at[#leases] = i
  end
end
if #leases > 0 then
  for i, lives in ipairs(call('MGET', unpack(leases))) do
    if not lives then records[at[i]] = false end
  end
end
for i, v in ipairs(records) do
  if v then
    out[#out + 1] = keys[i]
    out[#out + 1] = v
  end
end
return out
