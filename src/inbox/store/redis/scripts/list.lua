-- Lists notifications of one place of an inbox, newest first. Changes nothing.
--
-- KEYS[1]  the place: inbox, unread or archived
-- KEYS[2]  notifications
-- KEYS[3]  unread
-- KEYS[4]  state
-- ARGV[1]  maximum age in ms
-- ARGV[2]  positions below this one; '+inf' for all
-- ARGV[3]  maximum number of notifications, at most 200
-- Returns  {KEYS[1], unread, unseen, 1 if there are older ones or else 0, then for each notification:
--          position, unread (1 or 0), number of older ones of its group that were removed, group of 16
--          characters and member}
-- Cost     O(log n + returned); one round trip
local notifications, unread_key, state = KEYS[2], KEYS[3], KEYS[4]
local call, no_group = redis.call, '0000000000000000'
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%.0f', now - ARGV[1])

local unread = call('ZCOUNT', unread_key, oldest, '+inf')
local seen, unseen = unread > 0 and call('HGET', state, 'seen'), unread
if seen and tonumber(seen) >= tonumber(oldest) then unseen = call('ZCOUNT', unread_key, '(' .. seen, '+inf') end
local reply = {KEYS[1], unread, unseen, 0}

local before = ARGV[2] == '+inf' and '+inf' or '(' .. ARGV[2]
local limit = tonumber(ARGV[3])
local listed = call('ZRANGE', KEYS[1], before, oldest, 'BYSCORE', 'REV', 'LIMIT', '0', limit + 1, 'WITHSCORES')
if #listed == 0 then return reply end
local size = #listed / 2
if size > limit then size, reply[4] = limit, 1 end
local ids = {}
for i = 1, size do ids[i] = listed[2 * i - 1] end
local values = call('HMGET', notifications, unpack(ids))
-- Those at the positions of this page: a query for each score takes longer. Mostly all are read or all unread.
local is_unread, others = {}, 0
if unread > 0 then
  local last = listed[2 * size]
  local in_page = call('ZCOUNT', unread_key, last, before)
  if in_page == size then
    -- All of the inbox; none of the archive, between whose positions are those of others.
    if call('ZSCORE', unread_key, ids[1]) then others = 1 end
  elseif in_page > 0 then
    local all = call('ZRANGE', unread_key, before, last, 'BYSCORE', 'REV', 'LIMIT', '0', ARGV[3])
    for i = 1, #all do is_unread[all[i]] = 1 end
  end
end
local n, fields, counts = 4, {}, {}
for i = 1, #ids do
  -- Empty if another program has damaged the inbox.
  local id, value = ids[i], values[i] or ''
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = listed[2 * i], is_unread[id] or others, 0, value
  -- Only notifications of a group stand for others.
  if string.sub(value, 1, 16) ~= no_group then
    fields[#fields + 1], counts[#counts + 1] = 'more:' .. id, n + 3
  end
  n = n + 4
end
if fields[1] then
  local more = call('HMGET', state, unpack(fields))
  for i = 1, #counts do reply[counts[i]] = tonumber(more[i] or 0) end
end
return reply
