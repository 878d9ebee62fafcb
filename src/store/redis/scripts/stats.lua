-- Counts what is in one context, leased or not, and changes nothing.
--
-- KEYS[1]  the context
-- Returns  {KEYS[1], messages, bytes, oldest, wide}: members, what they are long together, the lowest time by the id in Unix
--          ms (by the score where there is no id; 0 without a member), and 1 where Redis keeps them in the form
--          that is three times as large, 0 else or where the user may not ask
-- Cost     O(members), at most 5,000 seen; one round trip
local messages, bytes, oldest, seen = redis.call('ZCARD', KEYS[1]), 0, 0, 0
repeat
  local page = redis.call('ZRANGE', KEYS[1], seen, seen + 499, 'WITHSCORES')
  for i = 1, #page, 2 do
    local at = tonumber(page[i + 1])
    if string.sub(page[i], 1, 7) == '{"id":"' then
      at = tonumber(string.sub(page[i], 8, 15) .. string.sub(page[i], 17, 20), 16) or at
    end
    bytes = bytes + #page[i]
    -- Whoever writes by hand may give any score.
    if at > 0 and at < 2 ^ 53 and (oldest == 0 or at < oldest) then oldest = at end
  end
  seen = seen + #page / 2
until #page < 1000 or seen >= 5000
local form = redis.pcall('OBJECT', 'ENCODING', KEYS[1])
return {KEYS[1], messages, bytes, string.format('%.0f', oldest), form == 'skiplist' and 1 or 0}
