-- Activates a subscription that is pending since a time.
--
-- KEYS[1]  subscriptions: id to JSON, which begins with `state` and `at`
-- ARGV[1]  id
-- ARGV[2]  since when it is pending, in ms
-- ARGV[3]  how long one may be pending, in ms
-- Returns  {KEYS[1], 'activated', ARGV[1]}: it is active, perhaps since before
--          {KEYS[1], 'expired', ARGV[1]}: none is pending since that time
-- Cost     O(1); one round trip
local call, key, id = redis.call, KEYS[1], ARGV[1]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local json = call('HGET', key, id)
local state, at, rest
if json then state, at, rest = string.match(json, '^{"state":"(%a+)","at":(%d+)(.*)$') end
if state ~= 'active' then
  if at ~= ARGV[2] or at + ARGV[3] <= now then return {KEYS[1], 'expired', id} end
  call('HSET', key, id, '{"state":"active","at":' .. string.format('%.0f', now) .. rest)
  call('PERSIST', key)
end
return {KEYS[1], 'activated', id}
