-- Follows guard.lua in scripts that change records. ARGV[3] is the nonce of this call's
-- entries, ARGV[4] how many entries the stream keeps at least.
local nonce, length = ARGV[3], ARGV[4]
local stamp = int(now)

-- Gives the next revision.
local function step()
  num = call('HINCRBY', KEYS[1], 'num', 1)
  return int(num)
end

-- Tells of a change of the record of a key at revision n: '+' and the record after it, or '-'
-- and the one that left.
local function tell(n, what, key, why, v)
  call('XADD', P .. 'x', 'MAXLEN', '~', length, n .. '-0',
    'x', nonce, 'e', ARGV[1], 't', stamp, 'c', what, 'k', key, 'w', why, 'v', v)
end

-- Remembers a record that left at revision n: everything up to its second line of JSON.
local function bury(n, code, key, why, v)
  local _, gen = parse(v)
  local second = string.find(v, '\n', string.find(v, '\n', 1, true) + 1, true)
  local stones = P .. 't:' .. key
  call('LPUSH', stones, '1 ' .. n .. ' ' .. stamp .. ' ' .. gen .. ' ' .. code .. '\n' .. why .. '\n' ..
    string.sub(v, 1, second and second - 1 or -1))
  call('LTRIM', stones, 0, kept - 1)
  call('PEXPIRE', stones, age)
end

local function remove(code, key, why, v, lease)
  local n = step()
  call('DEL', P .. 'r:' .. key)
  call('ZREM', P .. 'i', key)
  if lease ~= '-' then
    call('DEL', P .. 'l:' .. lease)
    call('ZREM', P .. 'd', key)
  end
  bury(n, code, key, why, v)
  tell(n, '-', key, why, v)
  return n
end

-- Tells whether anything is remembered of a key: 3 is lost, 4 is not found.
local function gone(key)
  return call('EXISTS', P .. 't:' .. key) == 1 and 3 or 4
end

-- Tells whether a record lives under a lease; of no key it holds.
local function during(key, lease)
  if key == '' then return true end
  local v = call('GET', P .. 'r:' .. key)
  return v and parse(v) == lease and alive(lease)
end
