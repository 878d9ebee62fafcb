-- Gives back what a claim holds, where it is still this claim's.
--
-- KEYS     the contexts
-- ARGV[1]  the claim's lease end in Unix ms: a member with another score is somebody else's by now
-- ARGV[2…] for each context: how many members, then the members
-- Returns  {KEYS[1], released}
-- Cost     O(members of the claim); one round trip
local mine = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The first twelve hexadecimal digits of a UUIDv7 are its time; nil where none stands as it should.
local function written(member)
  if string.sub(member, 1, 7) ~= '{"id":"' or string.sub(member, 44, 44) ~= '"' then return nil end
  return tonumber(string.sub(member, 8, 15) .. string.sub(member, 17, 20), 16)
end

local released, at = 0, 2
-- A server out of memory lets a script write that has begun by removing.
redis.call('ZREM', KEYS[1], '')
for _, key in ipairs(KEYS) do
  local count = tonumber(ARGV[at])
  for i = at + 1, at + count do
    local member = ARGV[i]
    local score = redis.call('ZSCORE', key, member)
    if score and tonumber(score) == mine then
      -- Back to the time in the id, so that its age and its place stay what they were.
      redis.call('ZADD', key, 'XX', math.min(written(member) or now, now), member)
      released = released + 1
    end
  end
  at = at + count + 1
end
return {KEYS[1], released}
