-- Reads the settings of mails of a site. Changes nothing.
--
-- KEYS[1]  mail: the settings
-- Returns  {KEYS[1], 'settings', pairs of field and value}
-- Cost     O(n) for n settings; one round trip
return {KEYS[1], 'settings', redis.call('HGETALL', KEYS[1])}
