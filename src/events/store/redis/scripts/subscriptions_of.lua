-- Reads subscriptions of several recipients. Changes nothing.
--
-- KEYS     subscriptions of each recipient: id to JSON
-- ARGV     for each recipient the number of ids, and the ids
-- Returns  {KEYS[1], 'subscriptions_of', the first id, id, JSON, ...}
-- Cost     O(k) for k ids; one round trip
local call, reply, position = redis.call, {KEYS[1], 'subscriptions_of', ARGV[2]}, 1
for _, key in ipairs(KEYS) do
  local first, last = position + 1, position + ARGV[position]
  for i, json in ipairs(call('HMGET', key, unpack(ARGV, first, last))) do
    if json then reply[#reply + 1], reply[#reply + 2] = ARGV[first + i - 1], json end
  end
  position = last + 1
end
return reply
