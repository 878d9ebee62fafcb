-- Removes the members of a claim, even if another claim holds them by now.
--
-- KEYS[1]  the session index
-- KEYS[2…] the contexts
-- ARGV     for each context: the number of members, then the members
-- Returns  {KEYS[1]}, or {KEYS[1], session} if members were missing and the session has moved:
--          session is the new id, encoded as in keys, under which the members can be
-- Cost     O(members of the claim); one round trip
local at, missing = 1, 0
for i = 2, #KEYS do
  local count = tonumber(ARGV[at])
  for member = at + 1, at + count do missing = missing + 1 - redis.call('ZREM', KEYS[i], ARGV[member]) end
  at = at + count + 1
end
if missing == 0 then return {KEYS[1]} end
local moved = redis.call('HGET', KEYS[1], '!moved')
if moved and moved ~= '' then return {KEYS[1], moved} end
return {KEYS[1]}
