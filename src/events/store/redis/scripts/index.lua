-- Adds a recipient to a set: those who subscribe to a pattern, or to an object. Removals that have begun remove nothing.
--
-- KEYS[1]  the set, sorted by recipients
-- KEYS[2]  removals: recipient to the mark of the last one that has begun
-- ARGV[1]  recipient
-- Returns  {KEYS[1], 'indexed'}
-- Cost     O(log n); one round trip
redis.call('ZADD', KEYS[1], '0', ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return {KEYS[1], 'indexed'}
