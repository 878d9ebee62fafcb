-- Adds a combination of filter names, by which subscriptions to a type differ.
--
-- KEYS[1]  filter sets of the type
-- ARGV[1]  the names, sorted, with commas between them; '' for none
-- ARGV[2]  maximum number of combinations
-- Returns  {KEYS[1], 'added'}; {KEYS[1], 'full'}: nothing changed
-- Cost     O(1); one round trip
local call = redis.call
if call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  if call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return {KEYS[1], 'full'} end
  call('SADD', KEYS[1], ARGV[1])
end
return {KEYS[1], 'added'}
