-- Returns whether a session was closed or has moved.
--
-- KEYS[1]  the session index
-- Returns  {KEYS[1], 1 or 0}
-- Cost     O(1); one round trip
return {KEYS[1], redis.call('HEXISTS', KEYS[1], '!moved')}
