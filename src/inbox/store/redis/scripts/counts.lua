-- Counts the notifications of an inbox. Changes nothing.
--
-- KEYS[1]  state
-- KEYS[2]  inbox
-- KEYS[3]  unread
-- ARGV[1]  maximum age in ms
-- Returns  {KEYS[1], unread, unseen, total, newest}
--          newest  the highest position of the inbox, 0 if it is empty
-- Cost     O(log n); one round trip
local call = redis.call
local time = call('TIME')
-- A text: a number is converted by each command, in the slowest way.
local oldest = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1])
local unread = call('ZCOUNT', KEYS[3], oldest, '+inf')
local seen, unseen = unread > 0 and call('HGET', KEYS[1], 'seen'), unread
if seen and tonumber(seen) >= tonumber(oldest) then unseen = call('ZCOUNT', KEYS[3], '(' .. seen, '+inf') end
local total = call('ZCOUNT', KEYS[2], oldest, '+inf')
local newest = total > 0 and call('ZRANGE', KEYS[2], '-1', '-1', 'WITHSCORES')[2] or '0'
return {KEYS[1], unread, unseen, total, newest}
