-- Begins every script. KEYS[1] is {prefix}:m. ARGV[1] is the epoch that the caller believes
-- in, ARGV[2] the highest revision that it has seen there. What does not fit is answered with
-- {1}, and nothing is done: the caller has to look (look.lua).
local call = redis.call
local P = string.sub(KEYS[1], 1, -2)
local function int(n) return string.format('%.0f', n) end

local meta = call('HMGET', KEYS[1], 'epoch', 'repl', 'num', 'base')
if meta[1] ~= ARGV[1] or not meta[3] or tonumber(meta[3]) < tonumber(ARGV[2]) or
   meta[2] ~= string.match(call('INFO', 'replication'), 'master_replid:(%x+)') then
  return {1}
end
local num = tonumber(meta[3])

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The line of numbers before a record's JSON: lease, generation, revision, changed, TTL,
-- registered. Later formats may add to its end.
local function parse(v)
  return string.match(v, '^1 (%S+) (%d+) (%d+) (%d+) (%d+) (%d+)')
end

local function alive(lease)
  return lease == '-' or call('EXISTS', P .. 'l:' .. lease) == 1
end
