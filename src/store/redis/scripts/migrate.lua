-- Moves all messages, leases and schedules of a session to a new id, and closes the old session.
--
-- KEYS[1]  the old session index
-- KEYS[2]  the new session index
-- ARGV[1]  time in ms for which the old session redirects to the new id
-- ARGV[2]  maximum number of messages in a context
-- ARGV[3]  if the new session was closed or has moved: 'reopen' opens it again, 'reject' rejects
--          the migration
-- Returns  {KEYS[1], 'ok', contexts}    moved; the number of moved contexts, 0 for a repeat
--          {KEYS[1], 'closed'}          nothing moved; one of the two sessions was closed or
--                                       has moved elsewhere
-- Cost     O(contexts) if the new session has none of them, otherwise O(members); one server; one
--          round trip
local old_index, new_index, max_messages = KEYS[1], KEYS[2], tonumber(ARGV[2])
local app, old_hash_tag = string.match(old_index, '^(.-)!session:({.*})$')
local new_hash_tag = string.match(new_index, '!session:({.*})$')
local new_session = string.sub(new_hash_tag, 2, -2)

-- On a server that is out of memory, a script may write only after a command that removes.
redis.call('HDEL', old_index, '')
local moved = redis.call('HGET', old_index, '!moved')
-- The migration has run before: later changes to the new session are not undone.
if moved == new_session then return {old_index, 'ok', 0} end
if moved then return {old_index, 'closed'} end
if old_index == new_index then return {old_index, 'ok', 0} end
if ARGV[3] == 'reopen' then
  redis.call('HDEL', new_index, '!moved')
elseif redis.call('HEXISTS', new_index, '!moved') == 1 then
  return {old_index, 'closed'}
end

local contexts = 0
for _, view in ipairs(redis.call('HKEYS', old_index)) do
  local source = app .. ':' .. old_hash_tag .. ':' .. view
  local destination = app .. ':' .. new_hash_tag .. ':' .. view
  local ttl_ms = redis.call('PTTL', source)
  if view ~= '!moved' and ttl_ms > 0 then
    local displaced = tonumber(redis.call('HGET', old_index, view))
    if redis.call('EXISTS', destination) == 0 then
      -- The recorded count of displaced messages is discarded with the last message of a context.
      redis.call('HSET', new_index, view, 0)
      redis.call('RENAME', source, destination)
    else
      -- 1,000 is the largest possible limit. A member of both contexts does not count as displaced.
      local members = redis.call('ZRANGE', source, -1000, -1, 'WITHSCORES')
      displaced = displaced + redis.call('ZCARD', source) - #members / 2
      for i = 1, #members, 2 do
        redis.call('ZADD', destination, 'NX', members[i + 1], members[i])
      end
      redis.call('UNLINK', source)
      if redis.call('PTTL', destination) < ttl_ms then
        redis.call('PEXPIRE', destination, ttl_ms)
      end
    end
    local excess = redis.call('ZCARD', destination) - max_messages
    if excess > 0 then
      displaced = displaced + redis.call('ZREMRANGEBYRANK', destination, 0, excess - 1)
    end
    redis.call('HINCRBY', new_index, view, displaced)
    if redis.call('PTTL', new_index) < ttl_ms then redis.call('PEXPIRE', new_index, ttl_ms) end
    contexts = contexts + 1
  end
end
redis.call('DEL', old_index)
redis.call('HSET', old_index, '!moved', new_session)
redis.call('PEXPIRE', old_index, ARGV[1])
return {old_index, 'ok', contexts}
