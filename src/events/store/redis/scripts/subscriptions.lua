-- Reads subscriptions of a recipient. Changes nothing.
--
-- KEYS[1]  subscriptions: id to JSON
-- ARGV     ids; none for all
-- Returns  {KEYS[1], 'subscriptions', the first of ARGV or '', id, JSON, ...}
-- Cost     O(k) for k subscriptions, k <= 1,000; one round trip
local call, reply, ids = redis.call, {KEYS[1], 'subscriptions', ARGV[1] or ''}, ARGV
-- The erasure of a recipient runs this, on sites without events too: with commands that any site needs.
if #ids == 0 then ids = call('HKEYS', KEYS[1]) end
if #ids == 0 then return reply end
for i, json in ipairs(call('HMGET', KEYS[1], unpack(ids))) do
  if json then reply[#reply + 1], reply[#reply + 2] = ids[i], json end
end
return reply
