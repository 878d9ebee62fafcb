-- Checks whether a migration to a session is allowed, and reopens the session on request. Forgets what an earlier migration
-- between the two has copied.
--
-- KEYS[1]  the new session index
-- KEYS[2]  the members that were copied from the old session
-- ARGV[1]  if the new session was closed or has moved: 'reopen' opens it again, 'reject' rejects
--          the migration
-- Returns  {KEYS[1], 'ok'}        allowed
--          {KEYS[1], 'closed'}    rejected; the new session was closed or has moved
-- Cost     O(1); one round trip
redis.call('UNLINK', KEYS[2])
if ARGV[1] == 'reopen' then
  redis.call('HDEL', KEYS[1], '!moved')
elseif redis.call('HEXISTS', KEYS[1], '!moved') == 1 then
  return {KEYS[1], 'closed'}
end
return {KEYS[1], 'ok'}
