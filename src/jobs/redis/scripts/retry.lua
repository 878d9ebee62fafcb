-- Ends a lease without success. Changes nothing if another claim has the job by now.
--
-- KEYS[1]  dead
-- KEYS[2]  due
-- KEYS[3]  jobs
-- ARGV[1]  id
-- ARGV[2]  the end of the lease, by which the claim is recognised
-- ARGV[3]  time until the next attempt in ms; 'dead' for none
-- ARGV[4]  claims without an outcome
-- ARGV[5]  record
-- Returns  {KEYS[1], 'retried'}; {KEYS[1], 'late'}: another claim has the job, nothing changed
-- Cost     O(log n); one round trip
local dead, due, jobs = unpack(KEYS)
local call, id = redis.call, ARGV[1]
local score = call('ZSCORE', due, id)
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return {KEYS[1], 'late'} end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
call('HSET', jobs, id, ARGV[4] .. ARGV[5])
if ARGV[3] == 'dead' then
  call('ZREM', due, id)
  call('ZADD', dead, string.format('%.0f', now), id)
else
  call('ZADD', due, string.format('%.0f', now + ARGV[3]), id)
end
return {KEYS[1], 'retried'}
