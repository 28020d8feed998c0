-- Removes what ran out, and moves the deadlines of what lives on.
--
-- ARGV  5 and 6 the earliest and latest time at which this may run: outside of them the
--       clock has jumped, or the call was held up on its way, and nothing is done;
--       7 how many deadlines to look at; 8 how many records to remove at most; 9 why
-- Gives {0, last revision, server's time, how many were due, how many of those had run out,
-- 1 if more are due}; {6, server's time} if the time is not right.
if now < tonumber(ARGV[5]) or now > tonumber(ARGV[6]) then return {6, stamp} end
local due = call('ZRANGEBYSCORE', P .. 'd', '-inf', stamp, 'LIMIT', 0, ARGV[7])
if #due == 0 then return {0, int(num), stamp, 0, 0, 0} end
local names = {}
for i, key in ipairs(due) do names[i] = P .. 'r:' .. key end
local moved, died, most, more = {}, 0, tonumber(ARGV[8]), #due == tonumber(ARGV[7])
for i, v in ipairs(call('MGET', unpack(names))) do
  local key = due[i]
  local lease, _, _, _, ttl
  if v then lease, _, _, _, ttl = parse(v) end
  if not lease or lease == '-' then
    call('ZREM', P .. 'd', key)
  else
    local left = call('PTTL', P .. 'l:' .. lease)
    if left == -1 then left = tonumber(ttl) end -- somebody took its TTL away
    if left >= 0 then
      moved[#moved + 1] = int(now + math.max(left, 1))
      moved[#moved + 1] = key
    elseif died == most then
      more = true
      break
    else
      died = died + 1
      remove('expired', key, ARGV[9], v, lease)
    end
  end
end
if #moved > 0 then call('ZADD', P .. 'd', unpack(moved)) end
return {0, int(num), stamp, #due, died, more and 1 or 0}
