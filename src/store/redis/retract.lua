-- Removes messages of one context by tag or id, leased or not.
--
-- KEYS[1]  the context
-- ARGV[1]  'tag' or 'id'
-- ARGV[2]  which
-- Returns  {KEYS[1], removed}
-- Cost     O(members of the context), at most 1,000; one round trip
local start = ARGV[1] == 'id' and '{"id":"' .. ARGV[2] .. '"' or '","tag":"' .. ARGV[2] .. '"'
local from = ARGV[1] == 'id' and 1 or 44
local removed = 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, 999)) do
  if string.sub(member, 1, 7) == '{"id":"' and string.sub(member, from, from + #start - 1) == start then
    removed = removed + redis.call('ZREM', KEYS[1], member)
  end
end
return {KEYS[1], removed}
