-- Reads the preferences of a recipient. Changes nothing.
--
-- KEYS[1]  preferences
-- Returns  {KEYS[1], 'preferences', pairs of kind and cadence}
-- Cost     O(n) for n preferences, at most 100; one round trip
return {KEYS[1], 'preferences', redis.call('HGETALL', KEYS[1])}
