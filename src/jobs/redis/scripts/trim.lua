-- Forgets jobs that were done or died long ago, and the oldest of too many.
--
-- KEYS[1]  done
-- KEYS[2]  dead
-- KEYS[3]  jobs
-- ARGV[1]  age in ms from which jobs that are done are forgotten
-- ARGV[2]  maximum number of jobs that are done
-- ARGV[3]  age in ms from which dead jobs are forgotten
-- ARGV[4]  maximum number of dead jobs
-- ARGV[5]  maximum number of jobs that one call forgets, of each kind
-- Returns  {KEYS[1], 'forgotten', number of jobs}
-- Cost     O(k log n) for k jobs; one round trip
local done, dead, jobs = unpack(KEYS)
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Returns the oldest ids of a place: those over the age, and those over the number.
local function surplus(key, age, count)
  local aged = call('ZCOUNT', key, '-inf', string.format('%.0f', now - age))
  local number = math.min(math.max(aged, call('ZCARD', key) - count), ARGV[5])
  return number > 0 and call('ZRANGE', key, '0', number - 1) or {}
end
local forgotten = 0
for _, id in ipairs(surplus(done, ARGV[1], ARGV[2])) do
  forgotten = forgotten + call('ZREM', done, id)
end
for _, id in ipairs(surplus(dead, ARGV[3], ARGV[4])) do
  call('HDEL', jobs, id)
  forgotten = forgotten + call('ZREM', dead, id)
end
return {KEYS[1], 'forgotten', forgotten}
