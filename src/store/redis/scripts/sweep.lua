-- Removes the members of one context that are older than an age. Works on a server that is out of
-- memory.
--
-- KEYS[1]  the context
-- ARGV[1]  age in ms, by the time in the id; by the score without an id
-- Returns  {KEYS[1], removed}
-- Cost     O(members), at most 5,000 read; one round trip
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])
local old, scanned = {}, 0
repeat
  local page = redis.call('ZRANGE', KEYS[1], scanned, scanned + 499, 'WITHSCORES')
  for i = 1, #page, 2 do
    local ms = tonumber(page[i + 1])
    if string.sub(page[i], 1, 7) == '{"id":"' then
      ms = tonumber(string.sub(page[i], 8, 15) .. string.sub(page[i], 17, 20), 16) or ms
    end
    if ms < oldest then table.insert(old, page[i]) end
  end
  scanned = scanned + #page / 2
until #page < 1000 or scanned >= 5000
for _, member in ipairs(old) do redis.call('ZREM', KEYS[1], member) end
return {KEYS[1], #old}
