-- First step of a move between slots: closes the old session, which shows nothing from then on.
--
-- KEYS[1]  the old session book
-- ARGV[1]  the new session, encoded as in keys
-- ARGV[2]  ms for which the old session tells where it went
-- ARGV[3]  'ask' changes nothing; 'go' closes
-- Returns  {KEYS[1], 'here'}            has not moved; after 'ask'
--          {KEYS[1], 'gone', view…}     is moving there or has moved; the views that have not been carried yet
--          {KEYS[1], 'closed'}          was closed, or has moved elsewhere
-- Cost     O(contexts), at most 64; one round trip
local moved = redis.call('HGET', KEYS[1], '!moved')
if moved and moved ~= ARGV[1] then return {KEYS[1], 'closed'} end
if not moved then
  if ARGV[3] == 'ask' then return {KEYS[1], 'here'} end
  -- A server out of memory lets a script write that has begun by removing.
  redis.call('HDEL', KEYS[1], '')
  redis.call('HSET', KEYS[1], '!moved', ARGV[1])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
end
local reply = {KEYS[1], 'gone'}
for _, view in ipairs(redis.call('HKEYS', KEYS[1])) do
  if view ~= '!moved' then table.insert(reply, view) end
end
return reply
