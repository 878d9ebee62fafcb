-- First step of a migration between hash slots: closes the old session. Reads then find nothing in
-- it.
--
-- KEYS[1]  the old session index
-- KEYS[2]  the copied members that were confirmed in the old session; those of an earlier migration are forgotten
-- ARGV[1]  the new session, encoded as in keys
-- ARGV[2]  time in ms for which the old session redirects to the new one
-- ARGV[3]  'check' changes nothing; 'close' closes the old session
-- Returns  {KEYS[1], 'not_moved'}       has not moved; only after 'check'
--          {KEYS[1], 'moved', view…}    is moving to the new session or has moved to it; the views
--                                       that are not copied yet
--          {KEYS[1], 'closed'}          was closed, or has moved elsewhere
-- Cost     O(contexts), at most 64; one round trip
local moved = redis.call('HGET', KEYS[1], '!moved')
if moved and moved ~= ARGV[1] then return {KEYS[1], 'closed'} end
if not moved then
  if ARGV[3] == 'check' then return {KEYS[1], 'not_moved'} end
  -- On a server that is out of memory, a script may write only after a command that removes.
  redis.call('HDEL', KEYS[1], '')
  redis.call('UNLINK', KEYS[2])
  redis.call('HSET', KEYS[1], '!moved', ARGV[1])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
end
local reply = {KEYS[1], 'moved'}
for _, view in ipairs(redis.call('HKEYS', KEYS[1])) do
  if view ~= '!moved' then table.insert(reply, view) end
end
return reply
