-- ARGV  5 key; 6 lease, or '-' for none; 7 TTL in milliseconds; 8 the JSON; 9 to 11 why it is
--       registered, why one that lives is replaced, why one that ran out has left;
--       12 not empty: if absent; 13 if under this lease; 14 if of this generation;
--       15 registered at, for a resurrection
-- Gives {0, revision, generation, registered at}; {2} if a condition does not hold; {3} if
-- a resurrection is forbidden; {6} if the lease is taken.
local key, lease, ttl = ARGV[5], ARGV[6], ARGV[7]
local record = P .. 'r:' .. key
local v = call('GET', record)
local held, gen, _
local dead = false
if v then
  held, gen = parse(v)
  dead = not alive(held)
end
local live = v and not dead

if ARGV[12] ~= '' and live or
   ARGV[13] ~= '' and (not live or held ~= ARGV[13]) or
   ARGV[14] ~= '' and ARGV[12] == '' and (not live or gen ~= ARGV[14]) then
  return {2}
end
local returns = ARGV[12] ~= '' and ARGV[14] ~= ''
if returns then
  local generation = tonumber(ARGV[14])
  if dead and tonumber(gen) > generation then return {3} end
  for _, stone in ipairs(call('LRANGE', P .. 't:' .. key, 0, -1)) do
    local at, died, code = string.match(stone, '^1 %d+ (%d+) (%d+) (%S+)\n')
    died = tonumber(died)
    if tonumber(at) > now - age and (died > generation or died == generation and code ~= 'expired') then
      return {3}
    end
  end
end
if lease ~= '-' and (lease == held or call('EXISTS', P .. 'l:' .. lease) == 1) then return {6} end

-- One that returns before its end was told of never left.
local stayed = dead and returns and gen == ARGV[14]
if dead and not stayed then
  remove('expired', key, ARGV[11], v, held)
  v = false
end
local n = step()
local at = stamp
if returns then
  gen, at = ARGV[14], ARGV[15]
  if tonumber(gen) > tonumber(call('HGET', KEYS[1], 'gen')) then call('HSET', KEYS[1], 'gen', gen) end
else
  gen = int(call('HINCRBY', KEYS[1], 'gen', 1))
end
if live then
  if held ~= '-' then call('DEL', P .. 'l:' .. held) end
  bury(n, 'replaced', key, ARGV[10], v)
elseif not v then
  call('ZADD', P .. 'i', 0, key)
end
if lease ~= '-' then
  call('SET', P .. 'l:' .. lease, 1, 'PX', ttl)
  call('ZADD', P .. 'd', int(now + ttl), key)
elseif v and held ~= '-' then
  call('ZREM', P .. 'd', key)
end
v = '1 ' .. lease .. ' ' .. gen .. ' ' .. n .. ' ' .. n .. ' ' .. ttl .. ' ' .. at .. '\n' .. ARGV[8]
call('SET', record, v)
tell(n, '+', key, ARGV[9], v)
return {0, n, gen, at}
