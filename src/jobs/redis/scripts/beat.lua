-- Records that a worker runs, or that it has stopped.
--
-- KEYS[1]  workers: for each worker the end of its report in ms, a space, and the report
-- ARGV[1]  the id of the worker
-- ARGV[2]  how long the report counts, in ms
-- ARGV[3]  the report; '' for a worker that has stopped
-- Returns  {KEYS[1], 'beat'}
-- Cost     O(n) for n workers; one round trip
local workers, call = KEYS[1], redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] == '' then
  call('HDEL', workers, ARGV[1])
  return {KEYS[1], 'beat'}
end
call('HSET', workers, ARGV[1], string.format('%.0f', now + ARGV[2]) .. ' ' .. ARGV[3])
call('PEXPIRE', workers, ARGV[2])
local all = call('HGETALL', workers)
for i = 1, #all, 2 do
  local ends = tonumber(string.match(all[i + 1], '^%d+'))
  if not ends or ends < now then call('HDEL', workers, all[i]) end
end
return {KEYS[1], 'beat'}
