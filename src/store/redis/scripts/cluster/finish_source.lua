-- Last step of a migration between hash slots: forgets the context, when what was confirmed during the migration is
-- confirmed in the new session too.
--
-- KEYS[1]  the old context
-- KEYS[2]  the old session index
-- Returns  {KEYS[1]}
-- Cost     O(1); one round trip
redis.call('HDEL', KEYS[2], string.match(KEYS[1], '}:(.*)$'))
return {KEYS[1]}
