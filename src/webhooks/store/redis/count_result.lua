-- Counts a result of a root, unless there are too many.
--
-- KEYS[1]  the deliveries whose results are of this root
-- ARGV[1]  id of the delivery
-- ARGV[2]  maximum number
-- ARGV[3]  how long they are kept, in ms
-- Returns  {KEYS[1], 'counted', ARGV[1], 1 or 0}
-- Cost     O(1); one round trip
local key, id = KEYS[1], ARGV[1]
local is_counted = redis.call('SISMEMBER', key, id)
if is_counted == 0 and redis.call('SCARD', key) < tonumber(ARGV[2]) then is_counted = redis.call('SADD', key, id) end
redis.call('PEXPIRE', key, ARGV[3])
return {key, 'counted', id, is_counted}
