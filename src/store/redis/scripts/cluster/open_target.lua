-- Looks whether a session may be moved to, and opens it on request.
--
-- KEYS[1]  the new session book
-- ARGV[1]  'open': a session that was closed, or has moved, is opened again; 'keep': it is refused
-- Returns  {KEYS[1], 'ok'} or {KEYS[1], 'closed'}
-- Cost     O(1); one round trip
if ARGV[1] == 'open' then
  redis.call('HDEL', KEYS[1], '!moved')
elseif redis.call('HEXISTS', KEYS[1], '!moved') == 1 then
  return {KEYS[1], 'closed'}
end
return {KEYS[1], 'ok'}
