-- Sets how long an event is still known, at least. An event with a longer time than any after its fan-out waits for it: only
-- then the time is shortened.
--
-- KEYS[1]  event
-- ARGV[1]  time in ms
-- ARGV[2]  longest time after a fan-out in ms
-- Returns  {KEYS[1], 'expires'}
-- Cost     O(1); one round trip
local left = redis.call('PTTL', KEYS[1])
if left > tonumber(ARGV[2]) or left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {KEYS[1], 'expires'}
