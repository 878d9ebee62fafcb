-- Writes or removes an endpoint, if it is as the caller has read it.
--
-- KEYS[1]  endpoints: id to JSON, and `!version`, a text that is another one after each change
-- ARGV[1]  id
-- ARGV[2]  endpoint before, as JSON; empty for none
-- ARGV[3]  endpoint afterwards; empty to remove it
-- ARGV[4]  new version
-- ARGV[5]  maximum number of endpoints
-- Returns  {KEYS[1], 'written', ARGV[1]}: also if it was so already
--          {KEYS[1], 'differs' | 'full', ARGV[1]}: nothing changed
-- Cost     O(1); one round trip
local key, id, before, after = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local current = redis.call('HGET', key, id) or ''
if current == after then return {key, 'written', id} end
if current ~= before then return {key, 'differs', id} end
-- One of the fields is the version.
if current == '' and redis.call('HLEN', key) > tonumber(ARGV[5]) then return {key, 'full', id} end
if after == '' then redis.call('HDEL', key, id) else redis.call('HSET', key, id, after) end
redis.call('HSET', key, '!version', ARGV[4])
return {key, 'written', id}
