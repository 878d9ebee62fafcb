-- Removes what a claim holds, whoever holds it by now.
--
-- KEYS[1]  the session book
-- KEYS[2…] the contexts
-- ARGV     for each context: how many members, then the members
-- Returns  {KEYS[1]} or {KEYS[1], session}: where some were not there, the new id of a session that has moved,
--          encoded as in keys, under which they may be by now
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
