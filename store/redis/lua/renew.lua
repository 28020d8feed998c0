-- Renews, or asks for, leases one by one: what PEXPIRE did not find, and refs without a lease.
--
-- ARGV 3 'renew' or 'left'; then key and lease of each ref in turn, the lease empty for any.
-- Gives {0, last revision, TTL in milliseconds of each}: 0 for a record that has no lease, -3
-- for a lease that is lost, -4 for a key of which nothing is known, -5 for a record whose
-- lease ran out and which is still there.
local out = {0, int(num)}
for i = 4, #ARGV, 2 do
  local key, want = ARGV[i], ARGV[i + 1]
  local v = call('GET', P .. 'r:' .. key)
  local ms
  if not v then
    ms = call('EXISTS', P .. 't:' .. key) == 1 and -3 or -4
  else
    local lease, _, _, _, ttl = parse(v)
    if want ~= '' and want ~= lease then
      ms = -3
    elseif lease == '-' then
      ms = 0
    else
      local left = call('PTTL', P .. 'l:' .. lease)
      if left == -2 then
        ms = -5
      elseif ARGV[3] == 'left' then
        ms = left >= 0 and left or tonumber(ttl)
      else
        call('PEXPIRE', P .. 'l:' .. lease, ttl)
        ms = tonumber(ttl)
      end
    end
  end
  out[#out + 1] = int(ms)
end
return out
