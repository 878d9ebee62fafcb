-- Counts the jobs of a queue. Changes nothing.
--
-- KEYS[1]  due
-- KEYS[2]  dead
-- Returns  {KEYS[1], 'counts', due now, later, dead}
-- Cost     O(log n); one round trip
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local due = redis.call('ZCOUNT', KEYS[1], '-inf', now)
return {KEYS[1], 'counts', due, redis.call('ZCARD', KEYS[1]) - due, redis.call('ZCARD', KEYS[2])}
