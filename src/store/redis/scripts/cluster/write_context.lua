-- Second step of a move between slots, the writing half. Safe to repeat.
--
-- KEYS[1]  the new context
-- KEYS[2]  the new session book
-- ARGV[1]  ms the context has to live at least
-- ARGV[2]  most messages in a context
-- ARGV[3]  how many messages were displaced so far
-- ARGV[4…] members, each followed by its score
-- Returns  {KEYS[1], 'ok'}
--          {KEYS[1], 'moved', session}   nothing written: the new session has moved on, encoded as in keys
--          {KEYS[1], 'closed'}           nothing written: the new session was closed
-- Cost     O(members), at most twice ARGV[2]; one round trip
local context, book, life = KEYS[1], KEYS[2], tonumber(ARGV[1])
local moved = redis.call('HGET', book, '!moved')
if moved == '' then return {context, 'closed'} end
if moved then return {context, 'moved', moved} end
local view = string.match(context, '}:(.*)$')
-- A server out of memory lets a script write that has begun by removing: what is carried was there already.
redis.call('HDEL', book, '')
-- What there was to tell of a context went with its last message.
if redis.call('EXISTS', context) == 0 then redis.call('HSET', book, view, 0) end
for i = 4, #ARGV, 2 do redis.call('ZADD', context, 'NX', ARGV[i + 1], ARGV[i]) end
local displaced = tonumber(ARGV[3])
local over = redis.call('ZCARD', context) - tonumber(ARGV[2])
if over > 0 then displaced = displaced + redis.call('ZREMRANGEBYRANK', context, 0, over - 1) end
redis.call('HINCRBY', book, view, displaced)
for _, key in ipairs({context, book}) do
  if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, life) end
end
return {context, 'ok'}
