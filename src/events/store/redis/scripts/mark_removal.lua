-- Begins the removal of a recipient from a set.
--
-- KEYS[1]  removals: recipient to the mark of the last one that has begun
-- ARGV[1]  recipient
-- ARGV[2]  mark, a text that occurs once
-- ARGV[3]  how long it is valid, in ms
-- Returns  {KEYS[1], 'marked'}
-- Cost     O(1); one round trip
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {KEYS[1], 'marked'}
