-- Lists the jobs with the latest times, the latest first. Changes nothing.
--
-- KEYS[1]  the place: due or dead
-- KEYS[2]  jobs
-- ARGV[1]  maximum number of jobs
-- Returns  {KEYS[1], 'listed', then for each job: id, time, claims and record in one}
-- Cost     O(log n + returned); one round trip
local call = redis.call
local listed = call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'REV', 'WITHSCORES')
local reply = {KEYS[1], 'listed'}
for i = 1, #listed, 2 do
  local value = call('HGET', KEYS[2], listed[i])
  -- Empty if another program has damaged the queue.
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = listed[i], listed[i + 1], value or ''
end
return reply
