-- Counts the messages of one context, leased or not, and changes nothing.
--
-- KEYS[1]  the context
-- Returns  {KEYS[1], messages, bytes, oldest, skiplist}: the number of members; their total length;
--          the earliest creation time by the id, in Unix ms (by the score without an id; 0 without
--          members); 1 if Redis stores the sorted set as a skip list, which takes three times the
--          memory, 0 if not, or if the user may not query the encoding
-- Cost     O(members), at most 5,000 read; one round trip
local messages, bytes, oldest, scanned = redis.call('ZCARD', KEYS[1]), 0, 0, 0
repeat
  local page = redis.call('ZRANGE', KEYS[1], scanned, scanned + 499, 'WITHSCORES')
  for i = 1, #page, 2 do
    local ms = tonumber(page[i + 1])
    if string.sub(page[i], 1, 7) == '{"id":"' then
      ms = tonumber(string.sub(page[i], 8, 15) .. string.sub(page[i], 17, 20), 16) or ms
    end
    bytes = bytes + #page[i]
    -- An external writer can set any score.
    if ms > 0 and ms < 2 ^ 53 and (oldest == 0 or ms < oldest) then oldest = ms end
  end
  scanned = scanned + #page / 2
until #page < 1000 or scanned >= 5000
local encoding = redis.pcall('OBJECT', 'ENCODING', KEYS[1])
return {KEYS[1], messages, bytes, string.format('%.0f', oldest), encoding == 'skiplist' and 1 or 0}
