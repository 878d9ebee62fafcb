-- Renews and ends the leases of people with an open page, and removes those that have ended.
--
-- KEYS[1]  the people who are online, by the end of their lease
-- ARGV     pairs: duration of the lease in ms, member (recipient, space, process); 0 ends the lease
-- Returns  {KEYS[1]}
-- Cost     O(k log n) for k members; one round trip
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #ARGV, 2 do
  local lease, member = tonumber(ARGV[i]), ARGV[i + 1]
  if lease > 0 then
    redis.call('ZADD', KEYS[1], now + lease, member)
  else
    redis.call('ZREM', KEYS[1], member)
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
-- The key expires with its last lease; after a day, if another program has written one without end.
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.min(tonumber(last), now + 86400000)))
end
return {KEYS[1]}
