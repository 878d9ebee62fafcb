-- Allows mails to an address again.
--
-- KEYS[1]  the address, by its hash
-- Returns  {KEYS[1], 'allowed'}
-- Cost     O(1); one round trip
redis.call('DEL', KEYS[1])
return {KEYS[1], 'allowed'}
