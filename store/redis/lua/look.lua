-- Finds out the epoch, and begins a new one where the past may be another. All other scripts
-- answer {1} until this has run.
--
-- KEYS[1] {prefix}:m
-- ARGV    1 the epoch believed in, or nothing; 2 the highest revision seen in it; 3 nonce;
--         4 length of the stream; 5 an epoch to begin; 6 not empty: the caller knows that
--         the past of the epoch believed in was rewritten
-- Gives {0, epoch, last revision, server's time, why the epoch was begun, or nothing}, or
-- {9} from a replica, or {8, layout} if the keyspace is of a layout that this build cannot read.
local call = redis.call
local P = string.sub(KEYS[1], 1, -2)
local function int(n) return string.format('%.0f', n) end

local info = call('INFO', 'replication')
if string.match(info, 'role:(%w+)') ~= 'master' then return {9} end
local repl = string.match(info, 'master_replid:(%x+)')
local run = string.match(call('INFO', 'server'), 'run_id:(%x+)')
local meta = call('HMGET', KEYS[1], 'epoch', 'run', 'repl', 'num', 'gen', 'layout')
local epoch, num, gen = meta[1], tonumber(meta[4] or 0), tonumber(meta[5] or 0)
if meta[6] and meta[6] ~= '1' then return {8, meta[6]} end
local tail = call('XREVRANGE', P .. 'x', '+', '-', 'COUNT', 1)[1]
tail = tail and tonumber(string.match(tail[1], '^%d+')) or 0
local seen, believed = tonumber(ARGV[2]), ARGV[1]
local time = call('TIME')
local stamp = int(time[1] * 1000 + math.floor(time[2] / 1000))

local why = ''
if not epoch then why = 'empty'
elseif meta[2] ~= run then why = 'restarted'
elseif meta[3] ~= repl then why = 'promoted'
elseif tail ~= num or believed == epoch and (num < seen or ARGV[6] ~= '') then why = 'rewritten'
end
if why ~= '' then
  epoch = ARGV[5]
  num = math.max(num, tail, seen) + 1
  gen = math.max(gen, time[1] * 1000000 + time[2])
  call('HSET', KEYS[1], 'layout', '1', 'epoch', epoch, 'run', run, 'repl', repl,
    'num', int(num), 'base', int(num), 'gen', int(gen))
  call('XADD', P .. 'x', 'MAXLEN', '~', ARGV[4], int(num) .. '-0',
    'x', ARGV[3], 'e', epoch, 't', stamp, 'c', why, 'k', '', 'w', '', 'v', '')
end
return {0, epoch, int(num), stamp, why}
