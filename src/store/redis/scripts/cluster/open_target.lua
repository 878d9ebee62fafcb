-- Checks whether a migration to a session is allowed, and reopens the session on request.
--
-- KEYS[1]  the new session index
-- ARGV[1]  if the new session was closed or has moved: 'reopen' opens it again, 'reject' rejects
--          the migration
-- Returns  {KEYS[1], 'ok'}        allowed
--          {KEYS[1], 'closed'}    rejected; the new session was closed or has moved
-- Cost     O(1); one round trip
if ARGV[1] == 'reopen' then
  redis.call('HDEL', KEYS[1], '!moved')
elseif redis.call('HEXISTS', KEYS[1], '!moved') == 1 then
  return {KEYS[1], 'closed'}
end
return {KEYS[1], 'ok'}
