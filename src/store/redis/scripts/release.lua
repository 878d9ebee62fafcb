-- Releases the members of a claim that are still under its lease.
--
-- KEYS     the contexts
-- ARGV[1]  the claim's lease end in Unix ms; a member with another score is no longer of this claim
-- ARGV[2…] for each context: the number of members, then the members
-- Returns  {KEYS[1], released}
-- Cost     O(members of the claim); one round trip
local lease_end = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The first twelve hexadecimal digits of a UUIDv7 are its time; nil without a valid header.
local function created_at(member)
  if string.sub(member, 1, 7) ~= '{"id":"' or string.sub(member, 44, 44) ~= '"' then return nil end
  return tonumber(string.sub(member, 8, 15) .. string.sub(member, 17, 20), 16)
end

local released, at = 0, 2
-- On a server that is out of memory, a script may write only after a command that removes.
redis.call('ZREM', KEYS[1], '')
for _, key in ipairs(KEYS) do
  local count = tonumber(ARGV[at])
  for i = at + 1, at + count do
    local member = ARGV[i]
    local score = redis.call('ZSCORE', key, member)
    if score and tonumber(score) == lease_end then
      -- Back to the time in the id, so that the age and the position of the member stay the same.
      redis.call('ZADD', key, 'XX', math.min(created_at(member) or now, now), member)
      released = released + 1
    end
  end
  at = at + count + 1
end
return {KEYS[1], released}
