-- Removes a recipient from a set, unless it was added since the removal began.
--
-- KEYS[1]  the set, sorted by recipients
-- KEYS[2]  removals: recipient to the mark of the last one that has begun
-- ARGV[1]  recipient
-- ARGV[2]  mark of the removal; '' removes in any case
-- Returns  {KEYS[1], 'removed'}
-- Cost     O(log n); one round trip
local call, reply = redis.call, {KEYS[1], 'removed'}
if ARGV[2] ~= '' and call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return reply end
call('HDEL', KEYS[2], ARGV[1])
call('ZREM', KEYS[1], ARGV[1])
return reply
