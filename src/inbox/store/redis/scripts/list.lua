-- Lists notifications of one place of an inbox, newest first. Changes nothing.
--
-- KEYS[1]  the place: inbox, unread or archived
-- KEYS[2]  notifications
-- KEYS[3]  unread
-- KEYS[4]  state
-- ARGV[1]  maximum age in ms
-- ARGV[2]  positions below this one; '+inf' for all
-- ARGV[3]  maximum number of notifications, at most 200
-- Returns  {KEYS[1], unread, unseen, then for each notification: position, unread (1 or 0), number of
--          older ones of its group that were removed, group of 16 characters and member}
-- Cost     O(log n + returned); one round trip
local notifications, unread_key, state = KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%.0f', now - tonumber(ARGV[1]))
local no_group = string.rep('0', 16)

local seen = tonumber(redis.call('HGET', state, 'seen') or 0)
local unread = redis.call('ZCOUNT', unread_key, oldest, '+inf')
local unseen = redis.call('ZCOUNT', unread_key, math.max(seen + 1, tonumber(oldest)), '+inf')
local reply = {KEYS[1], unread, unseen}

local before = ARGV[2] == '+inf' and '+inf' or '(' .. ARGV[2]
local listed = redis.call('ZRANGE', KEYS[1], before, oldest, 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
if #listed == 0 then return reply end
local ids, counts = {}, {}
for i = 1, #listed, 2 do
  table.insert(ids, listed[i])
  table.insert(counts, 'more:' .. listed[i])
end
local values = redis.call('HMGET', notifications, unpack(ids))
local positions = redis.call('ZMSCORE', unread_key, unpack(ids))
local more = redis.call('HMGET', state, unpack(counts))
for i = 1, #ids do
  table.insert(reply, listed[2 * i])
  table.insert(reply, positions[i] and 1 or 0)
  table.insert(reply, tonumber(more[i] or 0))
  -- Empty if another program has damaged the inbox.
  table.insert(reply, values[i] or '')
end
return reply
