-- Writes a subscription. One that is active stays so, since the earlier time, unless it is merged. One that is pending
-- keeps its time for a while, so that the link of an earlier mail still works. One that is merging stays so when it is
-- requested: its recipient is about to have it as another one.
--
-- KEYS[1]  subscriptions: id to JSON, which begins with `state` and `at`
-- ARGV[1]  id
-- ARGV[2]  'active', 'pending', 'merging' or 'merged'
-- ARGV[3]  the other fields, as a JSON object
-- ARGV[4]  how long one that is pending keeps its time, in ms
-- ARGV[5]  how long one that is pending is kept, and one that is merged at the maximum, in ms
-- ARGV[6]  maximum number of subscriptions
-- ARGV[7]  since when it is in this state, in ms; now without it
-- Returns  {KEYS[1], 'written', ARGV[1], state, since when in ms}; {KEYS[1], 'full'}: nothing changed
-- Cost     O(1), at the maximum O(n); one round trip
local call, key, id, state = redis.call, KEYS[1], ARGV[1], ARGV[2]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function parts(json) return string.match(json, '^{"state":"(%a+)","at":(%d+)') end
local function has_expired(json)
  local is, since = parts(json)
  return (is == 'pending' or is == 'merged') and since + ARGV[5] <= now
end

local before = call('HGET', key, id)
if before and has_expired(before) then before = nil end
if not before and call('HLEN', key) >= tonumber(ARGV[6]) then
  local all = call('HGETALL', key)
  for i = 1, #all, 2 do
    if has_expired(all[i + 1]) then call('HDEL', key, all[i]) end
  end
  if call('HLEN', key) >= tonumber(ARGV[6]) then return {KEYS[1], 'full'} end
end
local at = string.format('%.0f', now)
if before then
  local is, since = parts(before)
  if is == 'merging' and state == 'pending' then return {KEYS[1], 'written', id, is, since} end
  if is == 'active' and (state == 'active' or state == 'pending') then
    state, at = is, since
  elseif is == state and since + ARGV[4] > now then
    at = since
  end
end
if ARGV[7] and tonumber(ARGV[7]) < tonumber(at) then at = ARGV[7] end
-- A recipient of whom all are pending is a stranger.
local is_stranger = call('PTTL', key) ~= -1
call('HSET', key, id, '{"state":"' .. state .. '","at":' .. at .. ',' .. string.sub(ARGV[3], 2))
if state == 'active' then
  call('PERSIST', key)
elseif is_stranger then
  call('PEXPIRE', key, ARGV[5])
end
return {KEYS[1], 'written', id, state, at}
