-- Reads an event. Changes nothing.
--
-- KEYS[1]  event
-- Returns  {KEYS[1], 'event', value}
--          {KEYS[1], 'event'}: it is not known
-- Cost     O(1); one round trip
return {KEYS[1], 'event', redis.call('GET', KEYS[1]) or nil}
