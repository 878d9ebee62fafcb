-- Adds one notification to an inbox. Follows `limits.lua` and `remove.lua`.
--
-- KEYS[1]  groups: group and id of     KEYS[5]  archived: ids by position
--          each grouped notification   KEYS[6]  ids of removed notifications by time
-- KEYS[2]  inbox: ids by position      KEYS[7]  state: `seen`; `last`, a position at or above all that
-- KEYS[3]  notifications: id to group,          left `inbox`; `archived`, if any ever was; `erased`;
--          position and member                  `t:{tag}`, order and id; `more:{id}`
-- KEYS[4]  unread: ids by position
-- KEYS[8]  preferences: cadence by kind        KEYS[9]  unmailed: ids by position that wait for a mail
--          Both only for a site that sends mails, with ARGV[5] and ARGV[6].
-- ARGV[1]  'unread' or 'read'
-- ARGV[2]  the group; '' for none
-- ARGV[3]  the id of the message, by which notifications of one tag are ordered
-- ARGV[4]  the member: wire v1 of the message, then the fields of the notification
-- ARGV[5]  the cadence of people without a preference
-- ARGV[6]  the kind, by which a preference is found; '' if preferences do not count
-- limits   max_age_ms, max_notifications, max_in_group, removed_ttl_ms, max_removed, max_aged,
--          expiry_interval_ms, max_unmailed: constants before this script, since an argument costs time at each add
-- Returns  {KEYS[1], 'added', position, displaced, cadence}
--          {KEYS[1], 'duplicate' | 'removed', cadence}: nothing changed
--          {KEYS[1], 'superseded' | 'erased'}: nothing changed
--          The cadence of the recipient is '' for a site without mails.
-- Cost     O(log n); one round trip
local groups, inbox, notifications, unread, archived, removed, state, preferences, unmailed = unpack(KEYS)
-- The keys for `remove`, built when needed.
local function keys()
  return {
    groups = groups, inbox = inbox, notifications = notifications, unread = unread,
    archived = archived, removed = removed, state = state,
  }
end
local group_name, order, member = ARGV[2], ARGV[3], ARGV[4]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, tag = string.sub(member, 8, 43), tag_of(member, 1)

-- Returns the preference of the longest prefix of a kind, or the default.
local function preferred(kind)
  local fields = {kind}
  while true do
    kind = string.match(kind, '^(.*)%.')
    if not kind then break end
    fields[#fields + 1] = kind
  end
  fields[#fields + 1] = '*'
  for _, cadence in ipairs(call('HMGET', preferences, unpack(fields))) do
    if cadence then return cadence end
  end
  return ARGV[5]
end

local newest = tonumber(call('ZRANGE', inbox, '-1', '-1', 'WITHSCORES')[2] or 0)
-- One query: an odd number says that there are unread ones, 2 of the next 4 that there is a state, 4 or
-- more that there are preferences.
local existing, cadence
if preferences then
  existing = call('EXISTS', unread, state, state, preferences, preferences, preferences, preferences)
  cadence = existing >= 4 and ARGV[6] ~= '' and preferred(ARGV[6]) or ARGV[5]
  existing = existing % 4
else
  existing, cadence = call('EXISTS', unread, state, state), ''
end
local has_unread, has_state = existing % 2 == 1, existing >= 2
local last, left, has_archived, other = newest, false, false, false
-- Most inboxes of one notification have no state.
if has_state then
  local fields = call('HMGET', state, 'erased', 'last', 'archived', 't:' .. (tag or ''))
  local erased_at = tonumber(fields[1] or 0)
  if erased_at > now - removed_ttl_ms then
    local built_at = tonumber(string.sub(id, 1, 8) .. string.sub(id, 10, 13), 16)
    if built_at and built_at < erased_at then return {KEYS[1], 'erased'} end
  end
  left, has_archived, other = fields[2], fields[3], fields[4]
  -- Ids over that time are forgotten by a later add.
  local removed_at = left and call('ZSCORE', removed, id)
  if removed_at and tonumber(removed_at) > now - removed_ttl_ms then
    return {KEYS[1], 'removed', cadence}
  end
  if other and string.sub(other, 1, 36) > order then return {KEYS[1], 'superseded'} end
  if left then last = math.max(last, tonumber(left)) end
end
local position = last < now and now or last + 1
-- A number is converted by each command, in the slowest way. With 16 digits it is a part of the value too.
local score = string.format('%016.0f', position)

local group = no_group
if group_name ~= '' then
  local day = string.format('%.0f', math.floor(position / 86400000))
  group = string.sub(redis.sha1hex(group_name .. ':' .. day), 1, 16)
end
local value = group .. score .. member
if call('HSETNX', notifications, id, value) == 0 then
  if call('ZSCORE', inbox, id) or call('ZSCORE', archived, id) then
    return {KEYS[1], 'duplicate', cadence}
  end
  -- An add that an error has ended has left the value alone.
  call('HSET', notifications, id, value)
end

-- Before others are removed: an emptied key would lose its expiry.
call('ZADD', inbox, score, id)
if ARGV[1] == 'unread' then call('ZADD', unread, score, id) end

local displaced, has_removed = 0, false
if other then has_removed = remove(keys(), string.sub(other, 37), now) end
if group ~= no_group then
  local first, final = '[' .. group, '[' .. group .. '\255'
  if call('ZLEXCOUNT', groups, first, final) >= max_in_group then
    local oldest = call('ZRANGE', groups, first, final, 'BYLEX', 'LIMIT', '0', '2')
    remove(keys(), string.sub(oldest[1], 17), now)
    -- The next one of the group stands for those that were removed.
    if oldest[2] then call('HINCRBY', state, 'more:' .. string.sub(oldest[2], 17), '1') end
    displaced, has_removed = displaced + 1, true
  end
  call('ZADD', groups, '0', group .. id)
end
if call('HLEN', notifications) > max_notifications then
  local from = inbox
  if has_archived then
    local in_inbox = call('ZRANGE', inbox, '0', '0', 'WITHSCORES')[2]
    local in_archive = call('ZRANGE', archived, '0', '0', 'WITHSCORES')[2]
    if in_archive and tonumber(in_archive) < tonumber(in_inbox) then from = archived end
  end
  local first = call('ZPOPMIN', from)
  if first[1] then remove(keys(), first[1], now, first[2]) end
  has_removed = true
  -- One over the age counts as expired.
  if not first[2] or tonumber(first[2]) >= now - max_age_ms then displaced = displaced + 1 end
end
if tag then call('HSET', state, 't:' .. tag, order .. id) end

-- The keys expire at the end of the interval of the newest position, after the maximum age. So the
-- first add of an interval sets all expiries, and the next ones need not.
local interval = math.floor(position / expiry_interval_ms)
local sets_expiries = not has_unread or math.floor(newest / expiry_interval_ms) ~= interval
local is_new = newest == 0 and not has_state
if sets_expiries and not is_new then
  local oldest, remaining = '(' .. string.format('%.0f', now - max_age_ms), max_aged
  for _, key in ipairs({inbox, archived}) do
    local aged = call('ZRANGE', key, '-inf', oldest, 'BYSCORE', 'LIMIT', '0', remaining)
    for _, old in ipairs(aged) do remove(keys(), old, now) end
    has_removed, remaining = has_removed or #aged > 0, remaining - #aged
  end
  call('ZREMRANGEBYSCORE', removed, '-inf', string.format('%.0f', now - removed_ttl_ms))
end
local has_trimmed = has_removed and call('ZREMRANGEBYRANK', removed, '0', -max_removed - 1) > 0
if has_removed and not left then call('HSET', state, 'last', score) end

if sets_expiries or group ~= no_group or tag or has_removed then
  local expires = string.format('%.0f', (interval + 1) * expiry_interval_ms + max_age_ms)
  if sets_expiries then
    -- Of a new inbox there are no others.
    for i = is_new and 2 or 1, is_new and 4 or 7 do call('PEXPIREAT', KEYS[i], expires) end
  end
  -- The keys that this add may have created: `last` keeps the state, `remove` may leave it empty.
  if group ~= no_group then call('PEXPIREAT', groups, expires) end
  if (tag or has_removed) and not left then call('PEXPIREAT', state, expires) end
  if has_removed and not has_trimmed then call('PEXPIREAT', removed, expires) end
end
if unmailed and cadence ~= 'never' and ARGV[1] == 'unread' then
  call('ZADD', unmailed, score, id)
  if call('ZCARD', unmailed) > max_unmailed then
    -- Only the unread ones stay: at most as many as an inbox has.
    local kept, pairs = call('ZINTER', '2', unmailed, unread, 'AGGREGATE', 'MIN', 'WITHSCORES'), {}
    for i = 1, #kept, 2 do pairs[i], pairs[i + 1] = kept[i + 1], kept[i] end
    call('DEL', unmailed)
    call('ZADD', unmailed, unpack(pairs))
  end
  call('PEXPIREAT', unmailed, string.format('%.0f', (interval + 1) * expiry_interval_ms + max_age_ms))
end
return {KEYS[1], 'added', position, displaced, cadence}
