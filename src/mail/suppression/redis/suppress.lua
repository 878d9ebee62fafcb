-- Stops all mails to an address.
--
-- KEYS[1]  the address, by its hash: the time at which mails were stopped, in Unix milliseconds
-- Returns  {KEYS[1], 'suppressed'}
-- Cost     O(1); one round trip
local time = redis.call('TIME')
redis.call('SET', KEYS[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), 'NX')
return {KEYS[1], 'suppressed'}
