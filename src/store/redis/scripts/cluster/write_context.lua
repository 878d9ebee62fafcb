-- Second step of a migration between hash slots, second half: writes one context. Safe to repeat.
--
-- KEYS[1]  the new context
-- KEYS[2]  the new session index
-- ARGV[1]  minimum time to live of the context in ms
-- ARGV[2]  maximum number of messages in a context
-- ARGV[3]  number of messages displaced so far
-- ARGV[4…] members, each followed by its score
-- Returns  {KEYS[1], 'ok'}
--          {KEYS[1], 'moved', session}   nothing written; the new session has moved to this id,
--                                        encoded as in keys
--          {KEYS[1], 'closed'}           nothing written; the new session was closed
-- Cost     O(members), at most twice ARGV[2]; one round trip
local context, index, min_ttl_ms = KEYS[1], KEYS[2], tonumber(ARGV[1])
local moved = redis.call('HGET', index, '!moved')
if moved == '' then return {context, 'closed'} end
if moved then return {context, 'moved', moved} end
local view = string.match(context, '}:(.*)$')
-- On a server that is out of memory, a script may write only after a command that removes. The
-- members are copies of stored ones, so they are written in that case too.
redis.call('HDEL', index, '')
-- The recorded count of displaced messages is discarded with the last message of a context.
if redis.call('EXISTS', context) == 0 then redis.call('HSET', index, view, 0) end
for i = 4, #ARGV, 2 do redis.call('ZADD', context, 'NX', ARGV[i + 1], ARGV[i]) end
local displaced = tonumber(ARGV[3])
local excess = redis.call('ZCARD', context) - tonumber(ARGV[2])
if excess > 0 then displaced = displaced + redis.call('ZREMRANGEBYRANK', context, 0, excess - 1) end
redis.call('HINCRBY', index, view, displaced)
for _, key in ipairs({context, index}) do
  if redis.call('PTTL', key) < min_ttl_ms then redis.call('PEXPIRE', key, min_ttl_ms) end
end
return {context, 'ok'}
