-- Returns whether mails to an address are stopped. Changes nothing.
--
-- KEYS[1]  the address, by its hash
-- Returns  {KEYS[1], 'is_suppressed', 1 or 0}
-- Cost     O(1); one round trip
return {KEYS[1], 'is_suppressed', redis.call('EXISTS', KEYS[1])}
