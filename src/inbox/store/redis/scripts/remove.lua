-- The one function by which notifications leave an inbox, included before `add` and `mark`.
--
-- keys     the keys of the inbox: inbox, notifications, unread, archived, removed, groups, state
-- now      the time of the server in ms
-- limits   removed_ttl_ms, max_removed
local no_group = string.rep('0', 16)

-- Returns the tag of a member, which immediately follows its id of 36 characters.
local function tag_of(member)
  return string.match(string.sub(member, 44, 120), '^","tag":"([^"]*)"')
end

-- Removes a notification with its group entry and tag, and remembers its id. The count of older ones
-- that it stood for goes to the next one of its group. Returns whether the inbox had it.
--
-- position its position, if it has left `inbox` or `archived` already; else nil
local function remove(keys, id, now, position)
  local value = redis.call('HGET', keys.notifications, id)
  if not position then
    position = redis.call('ZSCORE', keys.inbox, id)
    if position then
      redis.call('ZREM', keys.inbox, id)
    else
      position = redis.call('ZSCORE', keys.archived, id)
      if position then redis.call('ZREM', keys.archived, id) end
    end
    if not (value or position) then return false end
  end
  redis.call('ZREM', keys.unread, id)
  redis.call('HDEL', keys.notifications, id)
  local group = value and string.sub(value, 1, 16)
  if group and group ~= no_group then
    redis.call('ZREM', keys.groups, group .. id)
    local more = tonumber(redis.call('HGET', keys.state, 'more:' .. id) or 0)
    if more > 0 then
      redis.call('HDEL', keys.state, 'more:' .. id)
      -- The next one of the group stands for those that were removed.
      local last = '[' .. group .. '\255'
      local next = redis.call('ZRANGE', keys.groups, '[' .. group, last, 'BYLEX', 'LIMIT', 0, 1)[1]
      if next then redis.call('HINCRBY', keys.state, 'more:' .. string.sub(next, 17), more) end
    end
  end
  local tag = value and tag_of(string.sub(value, 17))
  local with_tag = tag and redis.call('HGET', keys.state, 't:' .. tag)
  if with_tag and string.sub(with_tag, 37) == id then redis.call('HDEL', keys.state, 't:' .. tag) end
  -- At least its position, so that no later notification gets that position.
  redis.call('ZADD', keys.removed, math.max(now, tonumber(position or 0)), id)
  return true
end

local function forget_removed(keys, now, removed_ttl_ms, max_removed)
  redis.call('ZREMRANGEBYSCORE', keys.removed, '-inf', now - removed_ttl_ms)
  redis.call('ZREMRANGEBYRANK', keys.removed, 0, -max_removed - 1)
end
