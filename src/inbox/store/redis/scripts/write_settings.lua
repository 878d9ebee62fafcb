-- Replaces the settings of mails of a site.
--
-- KEYS[1]  mail: `settings`, as JSON
-- ARGV[1]  JSON
-- Returns  {KEYS[1], 'written'}
-- Cost     O(1); one round trip
redis.call('HSET', KEYS[1], 'settings', ARGV[1])
return {KEYS[1], 'written'}
