-- Counts the notifications of an inbox. Changes nothing.
--
-- KEYS[1]  state
-- KEYS[2]  inbox
-- KEYS[3]  unread
-- ARGV[1]  maximum age in ms
-- Returns  {KEYS[1], unread, unseen, total}
-- Cost     O(log n); one round trip
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
local seen = tonumber(redis.call('HGET', KEYS[1], 'seen') or 0)
local unread = redis.call('ZCOUNT', KEYS[3], oldest, '+inf')
local unseen = redis.call('ZCOUNT', KEYS[3], math.max(seen + 1, oldest), '+inf')
return {KEYS[1], unread, unseen, redis.call('ZCOUNT', KEYS[2], oldest, '+inf')}
