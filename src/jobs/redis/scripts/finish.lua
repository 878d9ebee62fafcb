-- Records that a job is done, or cancelled, even if another claim holds its lease.
--
-- KEYS[1]  done
-- KEYS[2]  due
-- KEYS[3]  jobs
-- KEYS[4]  dead
-- ARGV     ids
-- Returns  {KEYS[1], 'finished', number of jobs that were not done before}
-- Cost     O(k log n) for k jobs; one round trip
local done, due, jobs, dead = unpack(KEYS)
local call = redis.call
local time = call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local finished = 0
for i = 1, #ARGV do
  local id = ARGV[i]
  if call('HDEL', jobs, id) == 1 then
    if call('ZREM', due, id) == 0 then call('ZREM', dead, id) end
    call('ZADD', done, now, id)
    finished = finished + 1
  end
end
return {KEYS[1], 'finished', finished}
