-- Sets or removes one preference of a recipient.
--
-- KEYS[1]  preferences
-- ARGV[1]  the kind, or '*'
-- ARGV[2]  the cadence; '' removes the preference
-- ARGV[3]  maximum number of preferences
-- Returns  {KEYS[1], 'set'}, or {KEYS[1], 'full'}: nothing changed
-- Cost     O(1); one round trip
local call = redis.call
if ARGV[2] == '' then
  call('HDEL', KEYS[1], ARGV[1])
  return {KEYS[1], 'set'}
end
if call('HEXISTS', KEYS[1], ARGV[1]) == 0 and call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  return {KEYS[1], 'full'}
end
call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {KEYS[1], 'set'}
