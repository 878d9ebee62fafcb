-- Reads an event. Changes nothing.
--
-- KEYS[1]  event
-- Returns  {KEYS[1], 'event', the time of acceptance in ms, body}
--          {KEYS[1], 'event'}: it is not known
-- Cost     O(1); one round trip
local fields = redis.call('HMGET', KEYS[1], 'accepted', 'body')
if not fields[1] or not fields[2] then return {KEYS[1], 'event'} end
return {KEYS[1], 'event', fields[1], fields[2]}
