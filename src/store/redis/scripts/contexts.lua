-- Lists the contexts of a session that have a visible message, each by its view.
--
-- KEYS[1]  the session index
-- Returns  {KEYS[1], view…}: each view is encoded as in keys
-- Cost     O(contexts), at most 64; one round trip
if redis.call('HEXISTS', KEYS[1], '!moved') == 1 then return {KEYS[1]} end
local app, hash_tag = string.match(KEYS[1], '^(.-)!session:({.*})$')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {KEYS[1]}
for _, view in ipairs(redis.call('HKEYS', KEYS[1])) do
  local key = app .. ':' .. hash_tag .. ':' .. view
  if view ~= '!moved' and redis.call('ZCOUNT', key, '-inf', now) > 0 then
    table.insert(reply, view)
  end
end
return reply
