-- Reads and clears two sorted sets.
--
-- KEYS     the two
-- Returns  their members
local found = {}
for _, key in ipairs(KEYS) do
  local members = redis.call('ZRANGE', key, 0, -1)
  for _, member in ipairs(members) do table.insert(found, member) end
  if #members > 0 then redis.call('DEL', key) end
end
return found
