-- Lists all tokens. Changes nothing.
--
-- KEYS[1]  tokens
-- Returns  {KEYS[1], 'tokens', {id, JSON, …}}
-- Cost     O(n) for n tokens, at most 1,000; one round trip
return {KEYS[1], 'tokens', redis.call('HGETALL', KEYS[1])}
