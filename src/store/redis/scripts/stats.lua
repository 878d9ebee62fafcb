-- Counts the messages of one context, leased or not, and changes nothing.
--
-- KEYS[1]  the context
-- Returns  {KEYS[1], messages, bytes, oldest, skiplist}: the number of members; their total length;
--          the earliest creation time by the id, in Unix ms (by the score without an id; 0 without
--          members); 1 if Redis stores the sorted set as a skip list, which takes three times the
--          memory, 0 if not, or if the user may not query the encoding
-- Cost     O(members), at most 5,000 examined; one round trip
local messages, bytes, oldest, examined = redis.call('ZCARD', KEYS[1]), 0, 0, 0
repeat
  local batch = redis.call('ZRANGE', KEYS[1], examined, examined + 499, 'WITHSCORES')
  for i = 1, #batch, 2 do
    local creation_time = tonumber(batch[i + 1])
    if string.sub(batch[i], 1, 7) == '{"id":"' then
      local digits = string.sub(batch[i], 8, 15) .. string.sub(batch[i], 17, 20)
      creation_time = tonumber(digits, 16) or creation_time
    end
    bytes = bytes + #batch[i]
    -- An external writer can set any score.
    local is_valid = creation_time > 0 and creation_time < 2 ^ 53
    if is_valid and (oldest == 0 or creation_time < oldest) then oldest = creation_time end
  end
  -- A batch lists each member with its score.
  examined = examined + #batch / 2
until #batch < 1000 or examined >= 5000
local encoding = redis.pcall('OBJECT', 'ENCODING', KEYS[1])
return {KEYS[1], messages, bytes, string.format('%.0f', oldest), encoding == 'skiplist' and 1 or 0}
