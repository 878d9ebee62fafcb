-- Replaces the settings of mails of a site.
--
-- KEYS[1]  mail: the settings
-- ARGV     pairs of field and value, at least one
-- Returns  {KEYS[1], 'written'}
-- Cost     O(n) for n settings; one round trip
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV))
return {KEYS[1], 'written'}
