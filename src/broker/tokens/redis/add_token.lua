-- Adds a token.
--
-- KEYS[1]  tokens
-- ARGV     id, token as JSON, the maximum number of tokens
-- Returns  {KEYS[1], 'added'} or {KEYS[1], 'full'}
-- Cost     O(1); one round trip
local call, key = redis.call, KEYS[1]
if call('HEXISTS', key, ARGV[1]) == 0 and call('HLEN', key) >= tonumber(ARGV[3]) then return {key, 'full'} end
call('HSET', key, ARGV[1], ARGV[2])
return {key, 'added'}
