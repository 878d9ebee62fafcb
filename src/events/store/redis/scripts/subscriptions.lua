-- Reads subscriptions of a recipient. Changes nothing.
--
-- KEYS[1]  subscriptions: id to JSON
-- ARGV     ids; none for all
-- Returns  {KEYS[1], 'subscriptions', id, JSON, ...}
-- Cost     O(k) for k subscriptions, k <= 1,000; one round trip
local call, reply = redis.call, {KEYS[1], 'subscriptions'}
if #ARGV == 0 then
  for _, part in ipairs(call('HGETALL', KEYS[1])) do reply[#reply + 1] = part end
  return reply
end
for i, json in ipairs(call('HMGET', KEYS[1], unpack(ARGV))) do
  if json then reply[#reply + 1], reply[#reply + 2] = ARGV[i], json end
end
return reply
