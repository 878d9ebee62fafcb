-- Adds one notification to an inbox. Follows `remove.lua`.
--
-- KEYS[1]  group and id of each        KEYS[5]  archived: ids by position
--          grouped notification        KEYS[6]  ids of removed notifications by time
-- KEYS[2]  inbox: ids by position      KEYS[7]  state: `seen`; `t:{tag}`, order and id;
-- KEYS[3]  notifications: id to group           `more:{id}`
--          and member                  KEYS[8]  time at which the recipient was erased
-- KEYS[4]  unread: ids by position
-- ARGV[1]  maximum age in ms, after which the keys expire
-- ARGV[2]  maximum number of notifications, archived ones included
-- ARGV[3]  maximum number of notifications of a group and day
-- ARGV[4]  how long ids of removed notifications are remembered, in ms
-- ARGV[5]  how many of them
-- ARGV[6]  maximum number of notifications over the age that are removed
-- ARGV[7]  'unread' or 'read'
-- ARGV[8]  the group; '' for none
-- ARGV[9]  the id of the message, by which notifications of one tag are ordered
-- ARGV[10] the member: wire v1 of the message, then the fields of the notification
-- Returns  {KEYS[1], 'added', position, displaced}
--          {KEYS[1], 'duplicate' | 'removed' | 'superseded' | 'erased'}: nothing changed
-- Cost     O(log n); one round trip
local keys = {
  groups = KEYS[1], inbox = KEYS[2], notifications = KEYS[3], unread = KEYS[4],
  archived = KEYS[5], removed = KEYS[6], state = KEYS[7],
}
local max_age_ms, max_notifications = tonumber(ARGV[1]), tonumber(ARGV[2])
local max_in_group, max_aged = tonumber(ARGV[3]), tonumber(ARGV[6])
local group_name, order, member = ARGV[8], ARGV[9], ARGV[10]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id = string.sub(member, 8, 43)

local erased_at = redis.call('GET', KEYS[8])
local built_at = tonumber(string.sub(id, 1, 8) .. string.sub(id, 10, 13), 16)
if erased_at and built_at and built_at < tonumber(erased_at) then return {KEYS[1], 'erased'} end
if redis.call('HEXISTS', keys.notifications, id) == 1 then return {KEYS[1], 'duplicate'} end
-- Ids over that time are forgotten by the next add that changes something.
local removed_at = redis.call('ZSCORE', keys.removed, id)
if removed_at and tonumber(removed_at) > now - tonumber(ARGV[4]) then return {KEYS[1], 'removed'} end
local tag = tag_of(member)
local other = tag and redis.call('HGET', keys.state, 't:' .. tag)
if other and string.sub(other, 1, 36) > order then return {KEYS[1], 'superseded'} end
if other then remove(keys, string.sub(other, 37), now) end

local function highest(key)
  return tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or 0)
end
local seen = tonumber(redis.call('HGET', keys.state, 'seen') or 0)
local last = math.max(highest(keys.inbox), highest(keys.archived), highest(keys.removed), seen)
local position = math.max(now, last + 1)

for _, key in ipairs({keys.inbox, keys.archived}) do
  local aged = redis.call('ZRANGE', key, '-inf', '(' .. string.format('%.0f', now - max_age_ms),
    'BYSCORE', 'LIMIT', 0, max_aged)
  for _, old in ipairs(aged) do remove(keys, old, now) end
  max_aged = max_aged - #aged
end

local displaced, group = 0, no_group
if group_name ~= '' then
  local day = string.format('%.0f', math.floor(position / 86400000))
  group = string.sub(redis.sha1hex(group_name .. ':' .. day), 1, 16)
  local first, last_member = '[' .. group, '[' .. group .. '\255'
  if redis.call('ZLEXCOUNT', keys.groups, first, last_member) >= max_in_group then
    local oldest = redis.call('ZRANGE', keys.groups, first, last_member, 'BYLEX', 'LIMIT', 0, 2)
    local more = remove(keys, string.sub(oldest[1], 17), now) or 0
    -- The next one of the group stands for those that were removed.
    if oldest[2] then
      redis.call('HINCRBY', keys.state, 'more:' .. string.sub(oldest[2], 17), 1 + more)
    end
    displaced = displaced + 1
  end
end
if redis.call('HLEN', keys.notifications) >= max_notifications then
  local first = redis.call('ZRANGE', keys.inbox, 0, 0, 'WITHSCORES')
  local archived = redis.call('ZRANGE', keys.archived, 0, 0, 'WITHSCORES')
  if not first[1] or archived[1] and tonumber(archived[2]) < tonumber(first[2]) then first = archived end
  if first[1] then remove(keys, first[1], now) end
  displaced = displaced + 1
end

redis.call('ZADD', keys.inbox, position, id)
redis.call('HSET', keys.notifications, id, group .. member)
if ARGV[7] == 'unread' then redis.call('ZADD', keys.unread, position, id) end
if group ~= no_group then redis.call('ZADD', keys.groups, 0, group .. id) end
if tag then redis.call('HSET', keys.state, 't:' .. tag, order .. id) end
forget_removed(keys, now, tonumber(ARGV[4]), tonumber(ARGV[5]))
for i = 1, 7 do redis.call('PEXPIREAT', KEYS[i], string.format('%.0f', now + max_age_ms)) end
return {KEYS[1], 'added', position, displaced}
