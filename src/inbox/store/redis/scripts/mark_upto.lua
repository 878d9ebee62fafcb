-- Changes all notifications up to a position: marks them as read or seen, or archives them.
--
-- KEYS[1]  notifications
-- KEYS[2]  inbox
-- KEYS[3]  unread
-- KEYS[4]  archived
-- KEYS[5]  state
-- ARGV[1]  'read', 'archive' or 'seen'
-- ARGV[2]  maximum age in ms
-- ARGV[3]  the position
-- Returns  {KEYS[1], changed, unread, unseen}
-- Cost     O(log n + changed); one round trip
local inbox, unread_key, archived, state = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local max_age_ms, position = tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Keys that this call creates expire with the others.
local ttl_ms = redis.call('PTTL', KEYS[1])
local seen = tonumber(redis.call('HGET', state, 'seen') or 0)
-- The state may have to outlive the inbox, for what was removed from it.
local function expire_with_inbox(key)
  if redis.call('PTTL', key) < ttl_ms then redis.call('PEXPIRE', key, ttl_ms) end
end

-- Those over the age are not listed, and count as not there.
local oldest = string.format('%.0f', now - max_age_ms)
local changed = 0
if ARGV[1] == 'seen' then
  -- Never beyond what the inbox has, so that later notifications are new.
  for _, key in ipairs({inbox, archived}) do
    local last = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or 0)
    if math.min(position, last) > seen then
      seen, changed = math.min(position, last), 1
    end
  end
  if changed == 1 then
    redis.call('HSET', state, 'seen', string.format('%.0f', seen))
    expire_with_inbox(state)
  end
else
  if ARGV[1] == 'archive' then
    local all = redis.call('ZRANGE', inbox, oldest, ARGV[3], 'BYSCORE', 'WITHSCORES')
    for i = 1, #all, 2 do redis.call('ZADD', archived, all[i + 1], all[i]) end
    changed = redis.call('ZREMRANGEBYSCORE', inbox, oldest, ARGV[3])
    if changed > 0 then
      -- No later notification gets a position that was used.
      local last = math.max(tonumber(all[#all]), tonumber(redis.call('HGET', state, 'last') or 0))
      redis.call('HSET', state, 'last', string.format('%.0f', last), 'archived', '1')
      for _, key in ipairs({archived, state}) do expire_with_inbox(key) end
    end
  end
  local read = redis.call('ZREMRANGEBYSCORE', unread_key, oldest, ARGV[3])
  if ARGV[1] == 'read' then changed = read end
end

local unread = redis.call('ZCOUNT', unread_key, oldest, '+inf')
local unseen = redis.call('ZCOUNT', unread_key, math.max(seen + 1, tonumber(oldest)), '+inf')
return {KEYS[1], changed, unread, unseen}
