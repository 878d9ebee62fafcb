-- Removes all messages of one context, or of a session, and closes the session on request.
--
-- KEYS[1]  the session index
-- KEYS[2]  the context; absent: all contexts of the session
-- ARGV[1]  time in ms for which the session rejects adds from now on; 0: the session is not closed
-- Returns  {KEYS[1], cleared}: the number of removed contexts
-- Cost     O(contexts), at most 64; members are freed in the background; one round trip
local index, closed_for_ms = KEYS[1], tonumber(ARGV[1])
if KEYS[2] then
  redis.call('HDEL', index, (string.match(KEYS[2], '}:(.*)$')))
  return {index, redis.call('UNLINK', KEYS[2])}
end
-- On a server that is out of memory, a script may write only after a command that removes.
redis.call('HDEL', index, '')
local app, hash_tag = string.match(index, '^(.-)!session:({.*})$')
local cleared = 0
for _, view in ipairs(redis.call('HKEYS', index)) do
  if view ~= '!moved' then
    cleared = cleared + redis.call('UNLINK', app .. ':' .. hash_tag .. ':' .. view)
    redis.call('HDEL', index, view)
  end
end
-- A session that has moved keeps its redirect, so that its jobs follow it.
if closed_for_ms > 0 and redis.call('HSETNX', index, '!moved', '') == 1 then
  redis.call('PEXPIRE', index, closed_for_ms)
end
return {index, cleared}
