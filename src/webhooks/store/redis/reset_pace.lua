-- Forgets the failures of an endpoint.
--
-- KEYS[1]  pace, as in take_slot.lua
-- Returns  {KEYS[1], 'reset'}
-- Cost     O(1); one round trip
redis.call('HDEL', KEYS[1], 'failing')
return {KEYS[1], 'reset'}
