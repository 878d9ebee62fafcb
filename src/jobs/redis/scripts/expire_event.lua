-- Sets how long an event is still known.
--
-- KEYS[1]  event
-- ARGV[1]  time in ms
-- Returns  {KEYS[1], 'expires'}
-- Cost     O(1); one round trip
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {KEYS[1], 'expires'}
