-- Removes a subscription.
--
-- KEYS[1]  subscriptions: id to JSON
-- ARGV[1]  id
-- Returns  {KEYS[1], 'deleted', ARGV[1], 1 if it was active, else 0}
-- Cost     O(1); one round trip
local json = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
local is_active = json and string.find(json, '^{"state":"active"') and 1 or 0
return {KEYS[1], 'deleted', ARGV[1], is_active}
