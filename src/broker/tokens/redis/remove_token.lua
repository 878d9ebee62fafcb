-- Removes a token.
--
-- KEYS[1]  tokens
-- ARGV     id
-- Returns  {KEYS[1], 'removed', 1 or 0}
-- Cost     O(1); one round trip
return {KEYS[1], 'removed', redis.call('HDEL', KEYS[1], ARGV[1])}
