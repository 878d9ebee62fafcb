-- Removes all messages of one context, or of a session, and closes the session on request.
--
-- KEYS[1]  the session book
-- KEYS[2]  the context; absent: all contexts of the session
-- ARGV[1]  ms for which the session refuses adds from now on; 0: not closed
-- Returns  {KEYS[1], cleared}: how many contexts
-- Cost     O(contexts), at most 64; the members are freed in the background; one round trip
local book, close = KEYS[1], tonumber(ARGV[1])
if KEYS[2] then
  redis.call('HDEL', book, (string.match(KEYS[2], '}:(.*)$')))
  return {book, redis.call('UNLINK', KEYS[2])}
end
-- A server out of memory lets a script write that has begun by removing.
redis.call('HDEL', book, '')
local app, session = string.match(book, '^(.-)!session:({.*})$')
local cleared = 0
for _, view in ipairs(redis.call('HKEYS', book)) do
  if view ~= '!moved' then
    cleared = cleared + redis.call('UNLINK', app .. ':' .. session .. ':' .. view)
    redis.call('HDEL', book, view)
  end
end
-- A session that has moved goes on telling where: its jobs are to follow.
if close > 0 and redis.call('HSETNX', book, '!moved', '') == 1 then
  redis.call('PEXPIRE', book, close)
end
return {book, cleared}
