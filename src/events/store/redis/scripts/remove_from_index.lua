-- Removes a recipient from a set.
--
-- KEYS[1]  the set, sorted by recipients
-- ARGV[1]  recipient
-- Returns  {KEYS[1], 'removed'}
-- Cost     O(log n); one round trip
redis.call('ZREM', KEYS[1], ARGV[1])
return {KEYS[1], 'removed'}
