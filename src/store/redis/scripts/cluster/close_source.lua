-- First step of a migration between hash slots: closes the old session; reads find nothing in it.
--
-- KEYS[1]  the old session index
-- ARGV[1]  the new session, encoded as in keys
-- ARGV[2]  time in ms for which the old session redirects to the new one
-- ARGV[3]  'ask' changes nothing; 'go' closes
-- Returns  {KEYS[1], 'here'}            has not moved; only after 'ask'
--          {KEYS[1], 'gone', view…}     is moving there or has moved; the views not copied yet
--          {KEYS[1], 'closed'}          was closed, or has moved elsewhere
-- Cost     O(contexts), at most 64; one round trip
local moved = redis.call('HGET', KEYS[1], '!moved')
if moved and moved ~= ARGV[1] then return {KEYS[1], 'closed'} end
if not moved then
  if ARGV[3] == 'ask' then return {KEYS[1], 'here'} end
  -- On a server that is out of memory, a script may write only after a command that removes.
  redis.call('HDEL', KEYS[1], '')
  redis.call('HSET', KEYS[1], '!moved', ARGV[1])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
end
local reply = {KEYS[1], 'gone'}
for _, view in ipairs(redis.call('HKEYS', KEYS[1])) do
  if view ~= '!moved' then table.insert(reply, view) end
end
return reply
