-- Lists notifications of one place of an inbox, newest first. Changes nothing.
--
-- KEYS[1]  the place: inbox, unread or archived
-- KEYS[2]  notifications
-- KEYS[3]  unread
-- KEYS[4]  state
-- ARGV[1]  maximum age in ms
-- ARGV[2]  positions below this one; '+inf' for all
-- ARGV[3]  maximum number of notifications, at most 200
-- Returns  {KEYS[1], unread, unseen, 1 if there are older ones or else 0, states, displaced, values}
--          states     a string with 'u' for each unread notification and 'r' for each read one
--          displaced  pairs: which notification, counted from 1; number of older ones of its group that were
--                     removed, if any
--          values     for each notification: group of 16 characters, position of 16 digits, member
-- Cost     O(log n + returned); one round trip
local notifications, unread_key, state = KEYS[2], KEYS[3], KEYS[4]
local call, no_group = redis.call, '0000000000000000'
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%.0f', now - ARGV[1])

local unread = call('ZCOUNT', unread_key, oldest, '+inf')
local seen, unseen = unread > 0 and call('HGET', state, 'seen'), unread
if seen and tonumber(seen) >= tonumber(oldest) then unseen = call('ZCOUNT', unread_key, '(' .. seen, '+inf') end
local before = ARGV[2] == '+inf' and '+inf' or '(' .. ARGV[2]
local limit, has_more = tonumber(ARGV[3]), 0
local ids = call('ZRANGE', KEYS[1], before, oldest, 'BYSCORE', 'REV', 'LIMIT', '0', limit + 1)
local size = #ids
if size == 0 then return {KEYS[1], unread, unseen, 0, '', {}, {}} end
if size > limit then
  ids[size] = nil
  size, has_more = limit, 1
end
local values = call('HMGET', notifications, unpack(ids))
for i = 1, size do
  -- Another program may have damaged the inbox.
  if not values[i] or #values[i] < 32 then
    values[i] = no_group .. string.format('%016.0f', call('ZSCORE', KEYS[1], ids[i]))
  end
end

local last = string.sub(values[size], 17, 32)
local in_page = unread > 0 and call('ZCOUNT', unread_key, last, before) or 0
local states
if in_page == 0 or in_page == size then
  -- All of the inbox are unread; none of the archive, between whose positions are those of others.
  states = string.rep(in_page > 0 and call('ZSCORE', unread_key, ids[1]) and 'u' or 'r', size)
else
  -- Those at the positions of this page: a query for each score takes longer.
  local is_unread, each = {}, {}
  local all = call('ZRANGE', unread_key, before, last, 'BYSCORE', 'REV', 'LIMIT', '0', ARGV[3])
  for i = 1, #all do is_unread[all[i]] = true end
  for i = 1, size do each[i] = is_unread[ids[i]] and 'u' or 'r' end
  states = table.concat(each)
end

-- Only notifications of a group stand for others.
local fields, rows, displaced = {}, {}, {}
for i = 1, size do
  if string.sub(values[i], 1, 16) ~= no_group then
    fields[#fields + 1], rows[#rows + 1] = 'more:' .. ids[i], i
  end
end
if fields[1] then
  local more = call('HMGET', state, unpack(fields))
  for i = 1, #rows do
    if more[i] then displaced[#displaced + 1], displaced[#displaced + 2] = rows[i], more[i] end
  end
end
return {KEYS[1], unread, unseen, has_more, states, displaced, values}
