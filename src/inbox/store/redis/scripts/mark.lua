-- Changes the state of notifications by their ids. Follows `remove.lua`.
--
-- KEYS[1]  ids of removed              KEYS[5]  archived
--          notifications by time       KEYS[6]  group and id of each grouped notification
-- KEYS[2]  inbox                       KEYS[7]  state
-- KEYS[3]  notifications
-- KEYS[4]  unread
-- ARGV[1]  'read', 'unread', 'archive', 'restore', 'restore-unread' or 'delete'
-- ARGV[2]  maximum age in ms
-- ARGV[3]  how long ids of removed notifications are remembered, in ms
-- ARGV[4]  how many of them
-- ARGV[5…] ids, at most 500; one that the inbox does not have is skipped
-- Returns  {KEYS[1], changed, unread, unseen}
-- Cost     O(ids log n); one round trip
local keys = {
  removed = KEYS[1], inbox = KEYS[2], notifications = KEYS[3], unread = KEYS[4],
  archived = KEYS[5], groups = KEYS[6], state = KEYS[7],
}
local change, max_age_ms = ARGV[1], tonumber(ARGV[2])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Keys that this call creates expire with the others.
local ttl_ms = call('PTTL', keys.notifications)
local leaves_inbox = change == 'archive' or change == 'delete'
local newest = leaves_inbox and tonumber(call('ZRANGE', keys.inbox, '-1', '-1', 'WITHSCORES')[2] or 0)

local function move(id, from, to)
  local position = call('ZSCORE', from, id)
  if not position then return 0 end
  call('ZREM', from, id)
  return call('ZADD', to, position, id)
end

local function mark_unread(id)
  local position = call('ZSCORE', keys.inbox, id)
  return position and call('ZADD', keys.unread, position, id) or 0
end

local changes = {
  read = function(id) return call('ZREM', keys.unread, id) end,
  unread = mark_unread,
  archive = function(id)
    call('ZREM', keys.unread, id)
    return move(id, keys.inbox, keys.archived)
  end,
  restore = function(id) return move(id, keys.archived, keys.inbox) end,
  ['restore-unread'] = function(id)
    move(id, keys.archived, keys.inbox)
    return mark_unread(id)
  end,
  delete = function(id) return remove(keys, id, now) and 1 or 0 end,
}

-- One over the age is not listed, and counts as not there.
local oldest = now - max_age_ms
local function is_listed(id)
  local position = call('ZSCORE', keys.inbox, id) or call('ZSCORE', keys.archived, id)
  return position and tonumber(position) >= oldest
end

local changed = 0
for i = 5, #ARGV do
  if is_listed(ARGV[i]) then changed = changed + changes[change](ARGV[i]) end
end
local state = call('HMGET', keys.state, 'seen', 'last')
local seen = tonumber(state[1] or 0)
if changed > 0 and leaves_inbox then
  -- No later notification gets a position that was used.
  local last = math.max(newest, tonumber(state[2] or 0))
  call('HSET', keys.state, 'last', string.format('%.0f', last))
  if change == 'archive' then call('HSET', keys.state, 'archived', '1') end
end
if change == 'delete' then
  call('ZREMRANGEBYSCORE', keys.removed, '-inf', now - tonumber(ARGV[3]))
  call('ZREMRANGEBYRANK', keys.removed, 0, -tonumber(ARGV[4]) - 1)
end
if changed > 0 and ttl_ms > 0 then
  for _, key in ipairs({keys.inbox, keys.unread, keys.archived}) do call('PEXPIRE', key, ttl_ms) end
  -- The inbox may expire earlier than what was removed from it may come back.
  if change == 'delete' then ttl_ms = math.max(ttl_ms, tonumber(ARGV[3])) end
  for _, key in ipairs({keys.removed, keys.state}) do
    if call('PTTL', key) < ttl_ms then call('PEXPIRE', key, ttl_ms) end
  end
end

local unread = call('ZCOUNT', keys.unread, oldest, '+inf')
local unseen = call('ZCOUNT', keys.unread, math.max(seen + 1, oldest), '+inf')
return {KEYS[1], changed, unread, unseen}
