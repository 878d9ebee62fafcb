-- Second step of a migration between hash slots, second half: writes one context. A repeat writes nothing: the messages may
-- have been shown and confirmed since.
--
-- KEYS[1]  the new context
-- KEYS[2]  the new session index
-- KEYS[3]  the members that were copied from the old session, each after its view, which this writes
-- ARGV[1]  minimum time to live of the context in ms
-- ARGV[2]  maximum number of messages in a context
-- ARGV[3]  number of messages displaced so far
-- ARGV[4]  time in ms for which the old session redirects to the new one
-- ARGV[5…] members, each followed by its score
-- Returns  {KEYS[1], 'ok', members}      the members that were copied, now or before
--          {KEYS[1], 'moved', session}   nothing written; the new session has moved to this id,
--                                        encoded as in keys
--          {KEYS[1], 'closed'}           nothing written; the new session was closed
-- Cost     O(members), at most twice ARGV[2]; one round trip
local context, index, copied, min_ttl_ms = KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1])
local view, members = string.match(context, '}:(.*)$'), {}
local before = redis.call('ZRANGE', copied, '[' .. view .. ':', '(' .. view .. ';', 'BYLEX')
for _, member in ipairs(before) do table.insert(members, string.sub(member, #view + 2)) end
if before[1] or #ARGV == 4 then return {context, 'ok', members} end
local moved = redis.call('HGET', index, '!moved')
if moved == '' then return {context, 'closed'} end
if moved then return {context, 'moved', moved} end
-- On a server that is out of memory, a script may write only after a command that removes. The
-- members are copies of stored ones, so they are written in that case too.
redis.call('HDEL', index, '')
-- The recorded count of displaced messages is discarded with the last message of a context.
if redis.call('EXISTS', context) == 0 then redis.call('HSET', index, view, 0) end
for i = 5, #ARGV, 2 do
  redis.call('ZADD', context, 'NX', ARGV[i + 1], ARGV[i])
  redis.call('ZADD', copied, 0, view .. ':' .. ARGV[i])
  table.insert(members, ARGV[i])
end
redis.call('PEXPIRE', copied, ARGV[4])
local displaced = tonumber(ARGV[3])
local excess = redis.call('ZCARD', context) - tonumber(ARGV[2])
if excess > 0 then displaced = displaced + redis.call('ZREMRANGEBYRANK', context, 0, excess - 1) end
redis.call('HINCRBY', index, view, displaced)
for _, key in ipairs({context, index}) do
  if redis.call('PTTL', key) < min_ttl_ms then redis.call('PEXPIRE', key, min_ttl_ms) end
end
return {context, 'ok', members}
