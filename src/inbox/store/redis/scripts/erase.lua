-- Removes all that is stored about a recipient, and rejects notifications that were built before.
--
-- KEYS[1]  time at which the recipient was erased
-- KEYS[2…] all other keys of the recipient
-- ARGV[1]  how long that time is kept, in ms
-- Returns  {KEYS[1], 1}
-- Cost     O(keys); one round trip
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The first write decides whether a server that is out of memory accepts the script.
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('SET', KEYS[1], string.format('%.0f', now), 'PX', ARGV[1])
return {KEYS[1], 1}
