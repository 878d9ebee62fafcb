-- Changes the state of notifications by their ids. Follows `remove.lua`.
--
-- KEYS[1]  ids of removed              KEYS[5]  archived
--          notifications by time       KEYS[6]  group and id of each grouped notification
-- KEYS[2]  inbox                       KEYS[7]  state
-- KEYS[3]  notifications
-- KEYS[4]  unread
-- ARGV[1]  'read', 'unread', 'archive', 'restore' or 'delete'
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
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Keys that this call creates expire with the others.
local ttl_ms = redis.call('PTTL', keys.notifications)

local function move(id, from, to)
  local position = redis.call('ZSCORE', from, id)
  if not position then return 0 end
  redis.call('ZREM', from, id)
  return redis.call('ZADD', to, position, id)
end

local changes = {
  read = function(id) return redis.call('ZREM', keys.unread, id) end,
  unread = function(id)
    local position = redis.call('ZSCORE', keys.inbox, id)
    return position and redis.call('ZADD', keys.unread, position, id) or 0
  end,
  archive = function(id)
    redis.call('ZREM', keys.unread, id)
    return move(id, keys.inbox, keys.archived)
  end,
  restore = function(id) return move(id, keys.archived, keys.inbox) end,
  delete = function(id) return remove(keys, id, now) and 1 or 0 end,
}

-- One over the age is not listed, and counts as not there.
local oldest = now - max_age_ms
local function is_listed(id)
  local position = redis.call('ZSCORE', keys.inbox, id) or redis.call('ZSCORE', keys.archived, id)
  return position and tonumber(position) >= oldest
end

local changed = 0
for i = 5, #ARGV do
  if is_listed(ARGV[i]) then changed = changed + changes[change](ARGV[i]) end
end
if change == 'delete' then forget_removed(keys, now, tonumber(ARGV[3]), tonumber(ARGV[4])) end
if changed > 0 and ttl_ms > 0 then
  for _, key in ipairs({keys.inbox, keys.unread, keys.archived, keys.removed}) do
    redis.call('PEXPIRE', key, ttl_ms)
  end
  -- The inbox may expire earlier than what was removed from it may come back.
  if change == 'delete' and ttl_ms < tonumber(ARGV[3]) then redis.call('PEXPIRE', keys.removed, ARGV[3]) end
end

local seen = tonumber(redis.call('HGET', keys.state, 'seen') or 0)
local unread = redis.call('ZCOUNT', keys.unread, oldest, '+inf')
local unseen = redis.call('ZCOUNT', keys.unread, math.max(seen + 1, oldest), '+inf')
return {KEYS[1], changed, unread, unseen}
