-- Reads all endpoints of an application, unless the caller has them. Changes nothing.
--
-- KEYS[1]  endpoints: id to JSON, and `!version`, a text that is another one after each change
-- ARGV[1]  version that the caller has; empty for none
-- Returns  {KEYS[1], 'endpoints', ARGV[1], 'unchanged'}
--          {KEYS[1], 'endpoints', ARGV[1], 'changed', version, {id, JSON, ...}}
-- Cost     O(1), O(n) if they have changed, n <= 1,000; one round trip
local key, known = KEYS[1], ARGV[1]
local version = redis.call('HGET', key, '!version') or ''
if version == known then return {key, 'endpoints', known, 'unchanged'} end
return {key, 'endpoints', known, 'changed', version, redis.call('HGETALL', key)}
