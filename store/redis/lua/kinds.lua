-- Gives {0, last revision, kind, kind, ...}: the kinds of which there are records, as they
-- stand in keys.
local kinds, from = {0, int(num)}, '-'
for _ = 1, 100 do
  local key = call('ZRANGEBYLEX', P .. 'i', from, '+', 'LIMIT', 0, 1)[1]
  if not key then break end
  local kind = string.sub(key, 1, string.find(key, '/', 1, true) - 1)
  kinds[#kinds + 1] = kind
  from = '[' .. kind .. '0' -- the byte after the separator
end
return kinds
