-- Removes messages of one context by tag or ids, leased or not.
--
-- KEYS[1]  the context
-- ARGV[1]  'tag' or 'id'
-- ARGV[2…] the tag, or the ids
-- Returns  {KEYS[1], removed}: the number of removed messages
-- Cost     O(members of the context), at most 1,000; one round trip
local position, pattern = 8, '^([^"]+)"'
if ARGV[1] == 'tag' then
  position, pattern = 44, '^","tag":"([^"]+)"'
end
local selected = {}
for i = 2, #ARGV do
  selected[ARGV[i]] = true
end
local removed = 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, 999)) do
  local value = string.sub(member, 1, 7) == '{"id":"' and string.match(member, pattern, position)
  if value and selected[value] then
    removed = removed + redis.call('ZREM', KEYS[1], member)
  end
end
return {KEYS[1], removed}
