-- The one function by which notifications leave an inbox, included before `add` and `mark`.
--
-- keys     the keys of the inbox: inbox, notifications, unread, archived, removed, groups, state
-- now      the time of the server in ms
local call = redis.call
local no_group = '0000000000000000'

-- Returns the tag of the member that begins at an index. It immediately follows the id.
local function tag_of(text, index)
  return string.match(text, '^","tag":"([^"]*)"', index + 43)
end

-- Removes a notification with its group entry and tag, and remembers its id. The count of older ones
-- that it stood for goes to the next one of its group. Returns whether the inbox had it.
--
-- position its position, if it has left `inbox` or `archived` already; else nil
local function remove(keys, id, now, position)
  local value = call('HGET', keys.notifications, id)
  if not position then
    position = call('ZSCORE', keys.inbox, id)
    if position then
      call('ZREM', keys.inbox, id)
    else
      position = call('ZSCORE', keys.archived, id)
      if position then call('ZREM', keys.archived, id) end
    end
    if not (value or position) then return false end
  end
  call('ZREM', keys.unread, id)
  call('HDEL', keys.notifications, id)
  local group = value and string.sub(value, 1, 16)
  if group and group ~= no_group then
    call('ZREM', keys.groups, group .. id)
    local more = tonumber(call('HGET', keys.state, 'more:' .. id) or 0)
    if more > 0 then
      call('HDEL', keys.state, 'more:' .. id)
      -- The next one of the group stands for those that were removed.
      local final = '[' .. group .. '\255'
      local next = call('ZRANGE', keys.groups, '[' .. group, final, 'BYLEX', 'LIMIT', '0', '1')[1]
      if next then call('HINCRBY', keys.state, 'more:' .. string.sub(next, 17), more) end
    end
  end
  local tag = value and tag_of(value, 33)
  local with_tag = tag and call('HGET', keys.state, 't:' .. tag)
  if with_tag and string.sub(with_tag, 37) == id then call('HDEL', keys.state, 't:' .. tag) end
  call('ZADD', keys.removed, string.format('%.0f', now), id)
  return true
end
