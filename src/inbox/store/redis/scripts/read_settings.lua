-- Reads the settings of mails of a site. Changes nothing. It runs for each process that notifies, also on a site
-- without mails, and so uses only commands that the inbox needs too.
--
-- KEYS[1]  mail: `settings`, as JSON
-- Returns  {KEYS[1], 'settings', JSON or ''}
-- Cost     O(1); one round trip
return {KEYS[1], 'settings', redis.call('HGET', KEYS[1], 'settings') or ''}
