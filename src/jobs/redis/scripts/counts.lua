-- Counts the jobs of a queue. Changes nothing.
--
-- KEYS[1]  due
-- KEYS[2]  dead
-- Returns  {KEYS[1], 'counts', due now, later, dead, time in ms for which the oldest due job has waited}
-- Cost     O(log n); one round trip
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZCOUNT', KEYS[1], '-inf', string.format('%.0f', now))
local oldest = due > 0 and redis.call('ZRANGE', KEYS[1], '0', '0', 'WITHSCORES')[2] or now
local later, dead = redis.call('ZCARD', KEYS[1]) - due, redis.call('ZCARD', KEYS[2])
return {KEYS[1], 'counts', due, later, dead, now - oldest}
