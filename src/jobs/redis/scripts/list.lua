-- Lists jobs in the order of their times. Changes nothing.
--
-- KEYS[1]  the place: due or dead
-- KEYS[2]  jobs
-- ARGV[1]  the time after which the list begins
-- ARGV[2]  the id after which it begins at that time; '' for all
-- ARGV[3]  maximum number of jobs
-- Returns  {KEYS[1], 'listed', then for each job: id, time, claims and record in one}
-- Cost     O(log n + returned); one round trip
local call = redis.call
local rank = ARGV[2] ~= '' and call('ZRANK', KEYS[1], ARGV[2])
local first = rank and rank + 1 or call('ZCOUNT', KEYS[1], '-inf', ARGV[1])
local listed = call('ZRANGE', KEYS[1], first, first + ARGV[3] - 1, 'WITHSCORES')
local reply = {KEYS[1], 'listed'}
for i = 1, #listed, 2 do
  local value = call('HGET', KEYS[2], listed[i])
  -- Empty if another program has damaged the queue.
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = listed[i], listed[i + 1], value or ''
end
return reply
