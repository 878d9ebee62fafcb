-- Removes the members of one context that are older than a maximum age. Works on a server that is
-- out of memory.
--
-- KEYS[1]  the context
-- ARGV[1]  maximum age in ms, by the time in the id; by the score without an id
-- Returns  {KEYS[1], removed}: the number of removed members
-- Cost     O(members), at most 5,000 examined; one round trip
local time = redis.call('TIME')
local now, max_age_ms = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(ARGV[1])
local expired, examined = {}, 0
repeat
  local batch = redis.call('ZRANGE', KEYS[1], examined, examined + 499, 'WITHSCORES')
  for i = 1, #batch, 2 do
    local creation_time = tonumber(batch[i + 1])
    if string.sub(batch[i], 1, 7) == '{"id":"' then
      local digits = string.sub(batch[i], 8, 15) .. string.sub(batch[i], 17, 20)
      creation_time = tonumber(digits, 16) or creation_time
    end
    if creation_time < now - max_age_ms then table.insert(expired, batch[i]) end
  end
  -- A batch lists each member with its score.
  examined = examined + #batch / 2
until #batch < 1000 or examined >= 5000
for _, member in ipairs(expired) do redis.call('ZREM', KEYS[1], member) end
return {KEYS[1], #expired}
