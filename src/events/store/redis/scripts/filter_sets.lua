-- Reads the combinations of filter names by which subscriptions to a type differ. Changes nothing.
--
-- KEYS[1]  filter sets of the type
-- Returns  {KEYS[1], 'filter_sets', names...}: each with commas between the names, '' for none
-- Cost     O(n), n <= 32; one round trip
local names = redis.call('SMEMBERS', KEYS[1])
return {KEYS[1], 'filter_sets', unpack(names)}
