-- Adds a recipient to a set: those who subscribe to a pattern, or to an object.
--
-- KEYS[1]  the set, sorted by recipients
-- ARGV[1]  recipient
-- Returns  {KEYS[1], 'indexed'}
-- Cost     O(log n); one round trip
redis.call('ZADD', KEYS[1], '0', ARGV[1])
return {KEYS[1], 'indexed'}
