-- Releases the members of a claim that are still under its lease.
--
-- KEYS     the contexts
-- ARGV[1]  the end of the claim's lease in Unix ms; a member with another score no longer belongs
--          to this claim
-- ARGV[2…] for each context: the number of members, then the members
-- Returns  {KEYS[1], released}: the number of released members
-- Cost     O(members of the claim); one round trip
local lease_until_ms = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The first twelve hexadecimal digits of a UUIDv7 are its time in Unix ms; nil without a
-- valid header.
local function created_at(member)
  if string.sub(member, 1, 7) ~= '{"id":"' or string.sub(member, 44, 44) ~= '"' then return nil end
  return tonumber(string.sub(member, 8, 15) .. string.sub(member, 17, 20), 16)
end

local released, position = 0, 2
-- On a server that is out of memory, a script may write only after a command that removes.
redis.call('ZREM', KEYS[1], '')
for _, key in ipairs(KEYS) do
  local count = tonumber(ARGV[position])
  for i = position + 1, position + count do
    local member = ARGV[i]
    local score = redis.call('ZSCORE', key, member)
    if score and tonumber(score) == lease_until_ms then
      -- The score becomes the time in the id again, so that the member keeps its age and position.
      redis.call('ZADD', key, 'XX', math.min(created_at(member) or now, now), member)
      released = released + 1
    end
  end
  position = position + count + 1
end
return {KEYS[1], released}
