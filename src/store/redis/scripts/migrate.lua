-- Moves all messages, leases and schedules of a session to a new id, and closes the old session.
--
-- KEYS[1]  the old session index
-- KEYS[2]  the new session index
-- ARGV[1]  time in ms for which the old session redirects to the new id
-- ARGV[2]  maximum number of messages in a context
-- ARGV[3]  a new session that was closed or has moved: 'open' opens it again, 'keep' rejects it
-- Returns  {KEYS[1], 'ok', contexts}    moved; the number of contexts
--          {KEYS[1], 'closed'}          nothing moved; one of the two was closed or has moved
--                                       elsewhere
-- Cost     O(contexts) if the new session has none of them, otherwise O(members); one server; one
--          round trip
local old, new, max_messages = KEYS[1], KEYS[2], tonumber(ARGV[2])
local app, from = string.match(old, '^(.-)!session:({.*})$')
local to = string.match(new, '!session:({.*})$')
local target = string.sub(to, 2, -2)

-- On a server that is out of memory, a script may write only after a command that removes.
redis.call('HDEL', old, '')
local moved = redis.call('HGET', old, '!moved')
-- A repeat: later changes to the new session are not undone.
if moved == target then return {old, 'ok', 0} end
if moved then return {old, 'closed'} end
if old == new then return {old, 'ok', 0} end
if ARGV[3] == 'open' then
  redis.call('HDEL', new, '!moved')
elseif redis.call('HEXISTS', new, '!moved') == 1 then
  return {old, 'closed'}
end

local contexts = 0
for _, view in ipairs(redis.call('HKEYS', old)) do
  local source, destination = app .. ':' .. from .. ':' .. view, app .. ':' .. to .. ':' .. view
  local ttl = redis.call('PTTL', source)
  if view ~= '!moved' and ttl > 0 then
    local displaced = tonumber(redis.call('HGET', old, view))
    if redis.call('EXISTS', destination) == 0 then
      -- The recorded count of displaced messages is discarded with the last message of a context.
      redis.call('HSET', new, view, 0)
      redis.call('RENAME', source, destination)
    else
      -- 1,000 is the largest possible limit. Messages of both sessions do not count as displaced.
      local members = redis.call('ZRANGE', source, -1000, -1, 'WITHSCORES')
      displaced = displaced + redis.call('ZCARD', source) - #members / 2
      for i = 1, #members, 2 do
        redis.call('ZADD', destination, 'NX', members[i + 1], members[i])
      end
      redis.call('UNLINK', source)
      if redis.call('PTTL', destination) < ttl then redis.call('PEXPIRE', destination, ttl) end
    end
    local excess = redis.call('ZCARD', destination) - max_messages
    if excess > 0 then
      displaced = displaced + redis.call('ZREMRANGEBYRANK', destination, 0, excess - 1)
    end
    redis.call('HINCRBY', new, view, displaced)
    if redis.call('PTTL', new) < ttl then redis.call('PEXPIRE', new, ttl) end
    contexts = contexts + 1
  end
end
redis.call('DEL', old)
redis.call('HSET', old, '!moved', target)
redis.call('PEXPIRE', old, ARGV[1])
return {old, 'ok', contexts}
