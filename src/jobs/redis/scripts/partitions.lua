-- Reads into how many partitions the queues of an application are divided.
--
-- KEYS[1]  partitions: `jobs`, the number
-- ARGV[1]  the number to store if there is none; '' to change nothing
-- Returns  {KEYS[1], 'partitions', the number or ''}
-- Cost     O(1); one round trip
local call = redis.call
if ARGV[1] ~= '' then call('HSETNX', KEYS[1], 'jobs', ARGV[1]) end
return {KEYS[1], 'partitions', call('HGET', KEYS[1], 'jobs') or ''}
