-- Adds one notification to an inbox. Follows `limits.lua` and `remove.lua`.
--
-- KEYS[1]  group and id of each        KEYS[5]  archived: ids by position
--          grouped notification        KEYS[6]  ids of removed notifications by time
-- KEYS[2]  inbox: ids by position      KEYS[7]  state: `seen`; `t:{tag}`, order and id;
-- KEYS[3]  notifications: id to group           `more:{id}`
--          and member                  KEYS[8]  time at which the recipient was erased
-- KEYS[4]  unread: ids by position
-- ARGV[1]  'unread' or 'read'
-- ARGV[2]  the group; '' for none
-- ARGV[3]  the id of the message, by which notifications of one tag are ordered
-- ARGV[4]  the member: wire v1 of the message, then the fields of the notification
-- limits   max_age_ms, max_notifications, max_in_group, removed_ttl_ms, max_removed, max_aged,
--          expiry_interval_ms: constants before this script, since an argument costs time at each add
-- Returns  {KEYS[1], 'added', position, displaced}
--          {KEYS[1], 'duplicate' | 'removed' | 'superseded' | 'erased'}: nothing changed
-- Cost     O(log n); one round trip
local keys = {
  groups = KEYS[1], inbox = KEYS[2], notifications = KEYS[3], unread = KEYS[4],
  archived = KEYS[5], removed = KEYS[6], state = KEYS[7],
}
local group_name, order, member = ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, tag = string.sub(member, 8, 43), tag_of(member)

local function highest(key)
  return tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or 0)
end
local last, last_archived, other = highest(keys.inbox), 0, nil
-- Most inboxes of one notification have none of these keys.
if redis.call('EXISTS', keys.archived, keys.removed, keys.state, KEYS[8]) > 0 then
  local erased_at = redis.call('GET', KEYS[8])
  local built_at = tonumber(string.sub(id, 1, 8) .. string.sub(id, 10, 13), 16)
  if erased_at and built_at and built_at < tonumber(erased_at) then return {KEYS[1], 'erased'} end
  -- Ids over that time are forgotten by a later add.
  local removed_at = redis.call('ZSCORE', keys.removed, id)
  if removed_at and tonumber(removed_at) > now - removed_ttl_ms then return {KEYS[1], 'removed'} end
  local state = redis.call('HMGET', keys.state, 'seen', 't:' .. (tag or ''))
  other = state[2]
  if other and string.sub(other, 1, 36) > order then return {KEYS[1], 'superseded'} end
  last_archived = highest(keys.archived)
  last = math.max(last, last_archived, highest(keys.removed), tonumber(state[1] or 0))
  -- Its removal below is recorded with this time.
  if other then last = math.max(last, now) end
end
local position = math.max(now, last + 1)
-- A number is converted by each command, in the slowest way.
local score = string.format('%.0f', position)

local group = no_group
if group_name ~= '' then
  local day = string.format('%.0f', math.floor(position / 86400000))
  group = string.sub(redis.sha1hex(group_name .. ':' .. day), 1, 16)
end
local value = group .. member
if redis.call('HSETNX', keys.notifications, id, value) == 0 then
  if redis.call('ZSCORE', keys.inbox, id) or redis.call('ZSCORE', keys.archived, id) then
    return {KEYS[1], 'duplicate'}
  end
  -- An add that an error has ended has left the value alone.
  redis.call('HSET', keys.notifications, id, value)
end

local displaced, has_removed = 0, false
if other then has_removed = remove(keys, string.sub(other, 37), now) end
if group ~= no_group then
  local first, last_member = '[' .. group, '[' .. group .. '\255'
  if redis.call('ZLEXCOUNT', keys.groups, first, last_member) >= max_in_group then
    local oldest = redis.call('ZRANGE', keys.groups, first, last_member, 'BYLEX', 'LIMIT', 0, 2)
    remove(keys, string.sub(oldest[1], 17), now)
    -- The next one of the group stands for those that were removed.
    if oldest[2] then redis.call('HINCRBY', keys.state, 'more:' .. string.sub(oldest[2], 17), 1) end
    displaced, has_removed = displaced + 1, true
  end
  redis.call('ZADD', keys.groups, 0, group .. id)
end
if redis.call('HLEN', keys.notifications) > max_notifications then
  local from = keys.inbox
  if last_archived > 0 then
    local first = redis.call('ZRANGE', keys.inbox, 0, 0, 'WITHSCORES')
    local archived = redis.call('ZRANGE', keys.archived, 0, 0, 'WITHSCORES')
    if not first[1] or archived[1] and tonumber(archived[2]) < tonumber(first[2]) then from = keys.archived end
  end
  local first = redis.call('ZPOPMIN', from)
  if first[1] then remove(keys, first[1], now, first[2]) end
  has_removed = true
  -- One over the age counts as expired.
  if not first[2] or tonumber(first[2]) >= now - max_age_ms then displaced = displaced + 1 end
end

-- Before this add, which may create the key.
local ttl_ms = redis.call('PTTL', keys.unread)
redis.call('ZADD', keys.inbox, score, id)
if ARGV[1] == 'unread' then redis.call('ZADD', keys.unread, score, id) end
if tag then redis.call('HSET', keys.state, 't:' .. tag, order .. id) end
if has_removed or ttl_ms < max_age_ms then
  forget_removed(keys, now, removed_ttl_ms, max_removed)
end
if ttl_ms < max_age_ms then
  local remaining = max_aged
  for _, key in ipairs({keys.inbox, keys.archived}) do
    local aged = redis.call('ZRANGE', key, '-inf', '(' .. string.format('%.0f', now - max_age_ms),
      'BYSCORE', 'LIMIT', 0, remaining)
    for _, old in ipairs(aged) do remove(keys, old, now) end
    remaining = remaining - #aged
  end
  -- Later than the maximum age, so that the next adds need not set it anew.
  local expires = string.format('%.0f', now + max_age_ms + expiry_interval_ms)
  for i = 1, 7 do redis.call('PEXPIREAT', KEYS[i], expires) end
else
  -- The keys that this add may have created expire with the others.
  if group ~= no_group then redis.call('PEXPIRE', keys.groups, ttl_ms) end
  if tag or displaced > 0 then redis.call('PEXPIRE', keys.state, ttl_ms) end
  if has_removed then redis.call('PEXPIRE', keys.removed, ttl_ms) end
end
return {KEYS[1], 'added', position, displaced}
