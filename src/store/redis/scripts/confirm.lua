-- Removes the members of a claim, also those that another claim has leased since.
--
-- KEYS[1]  the session index
-- KEYS[2…] the contexts
-- ARGV     for each context: the number of members, then the members
-- Returns  {KEYS[1]}
--          {KEYS[1], session}    members were missing, and the session has moved: the members can
--                                be under its new id, encoded as in keys
-- Cost     O(members of the claim); one round trip

-- Most claims have one message.
if #KEYS == 2 and ARGV[1] == '1' and redis.call('ZREM', KEYS[2], ARGV[2]) == 1 then
  return {KEYS[1]}
end

local position, missing = 1, 0
for i = 2, #KEYS do
  local count = tonumber(ARGV[position])
  for j = position + 1, position + count do
    missing = missing + 1 - redis.call('ZREM', KEYS[i], ARGV[j])
  end
  position = position + count + 1
end
if missing == 0 then return {KEYS[1]} end
local moved = redis.call('HGET', KEYS[1], '!moved')
if moved and moved ~= '' then return {KEYS[1], moved} end
return {KEYS[1]}
