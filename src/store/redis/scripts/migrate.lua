-- Carries all messages, leases and schedules of a session to a new id, and closes the old one.
--
-- KEYS[1]  the old session book
-- KEYS[2]  the new session book
-- ARGV[1]  ms for which the old session tells where it went
-- ARGV[2]  most messages in a context
-- ARGV[3]  'open': a new id that was closed, or has moved, is opened again; 'keep': it is refused
-- Returns  {KEYS[1], 'ok', contexts}    moved; how many
--          {KEYS[1], 'closed'}          nothing moved: one of the two was closed, or has moved elsewhere
-- Cost     O(contexts) where the new id has none of them, else O(members); one server; one round trip
local old, new, cap = KEYS[1], KEYS[2], tonumber(ARGV[2])
local app, from = string.match(old, '^(.-)!session:({.*})$')
local to = string.match(new, '!session:({.*})$')
local target = string.sub(to, 2, -2)

-- A server out of memory lets a script write that has begun by removing.
redis.call('HDEL', old, '')
local moved = redis.call('HGET', old, '!moved')
-- A repeat: what has become of the new id since is not undone.
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
  local source, goal = app .. ':' .. from .. ':' .. view, app .. ':' .. to .. ':' .. view
  local life = redis.call('PTTL', source)
  if view ~= '!moved' and life > 0 then
    local displaced = tonumber(redis.call('HGET', old, view))
    if redis.call('EXISTS', goal) == 0 then
      -- What there was to tell of a context went with its last message.
      redis.call('HSET', new, view, 0)
      redis.call('RENAME', source, goal)
    else
      -- As many as a cap can be, so that what both hold is not counted as displaced.
      local members = redis.call('ZRANGE', source, -1000, -1, 'WITHSCORES')
      displaced = displaced + redis.call('ZCARD', source) - #members / 2
      for i = 1, #members, 2 do redis.call('ZADD', goal, 'NX', members[i + 1], members[i]) end
      redis.call('UNLINK', source)
      if redis.call('PTTL', goal) < life then redis.call('PEXPIRE', goal, life) end
    end
    local over = redis.call('ZCARD', goal) - cap
    if over > 0 then displaced = displaced + redis.call('ZREMRANGEBYRANK', goal, 0, over - 1) end
    redis.call('HINCRBY', new, view, displaced)
    if redis.call('PTTL', new) < life then redis.call('PEXPIRE', new, life) end
    contexts = contexts + 1
  end
end
redis.call('DEL', old)
redis.call('HSET', old, '!moved', target)
redis.call('PEXPIRE', old, ARGV[1])
return {old, 'ok', contexts}
