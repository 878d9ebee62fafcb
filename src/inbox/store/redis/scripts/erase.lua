-- Removes all that is stored about a recipient, and rejects notifications that were built before.
--
-- KEYS[1]  groups
-- KEYS[2]  state, which then has the time of the erasure alone
-- KEYS[3…] all other keys of the recipient
-- ARGV[1]  how long that time counts, in ms
-- Returns  {KEYS[1], 'unlinked'}
-- Cost     O(keys); one round trip
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The first write decides whether a server that is out of memory accepts the script.
for i = 1, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('HSET', KEYS[2], 'erased', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return {KEYS[1], 'unlinked'}
