-- Reads and clears sorted sets.
--
-- KEYS     the sorted sets
-- Returns  their members
local members = {}
for _, key in ipairs(KEYS) do
  local of_key = redis.call('ZRANGE', key, 0, -1)
  for _, member in ipairs(of_key) do table.insert(members, member) end
  if #of_key > 0 then redis.call('DEL', key) end
end
return members
