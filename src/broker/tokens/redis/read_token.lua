-- Reads a token. Changes nothing.
--
-- KEYS[1]  tokens
-- ARGV     id
-- Returns  {KEYS[1], 'token', JSON or ''}
-- Cost     O(1); one round trip
return {KEYS[1], 'token', redis.call('HGET', KEYS[1], ARGV[1]) or ''}
