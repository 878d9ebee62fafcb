-- Checks whether a migration to a session is allowed, and opens the session on request.
--
-- KEYS[1]  the new session index
-- ARGV[1]  a session that was closed or has moved: 'open' opens it again, 'keep' rejects it
-- Returns  {KEYS[1], 'ok'} or {KEYS[1], 'closed'}
-- Cost     O(1); one round trip
if ARGV[1] == 'open' then
  redis.call('HDEL', KEYS[1], '!moved')
elseif redis.call('HEXISTS', KEYS[1], '!moved') == 1 then
  return {KEYS[1], 'closed'}
end
return {KEYS[1], 'ok'}
