-- Counts a call, unless it is over a limit.
--
-- KEYS[1]  limit: for each limit the beginning of its period, and how many calls there were in it
-- ARGV     for each limit: its period in ms, and the maximum number of calls
-- Returns  {KEYS[1], 'allowed', 1 or 0}
-- Cost     O(limits); one round trip
local call, key = redis.call, KEYS[1]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counts, longest = {}, 0
for i = 1, #ARGV, 2 do
  local period = tonumber(ARGV[i])
  local from, calls = unpack(call('HMGET', key, 'from' .. i, 'calls' .. i))
  -- A clock that goes back begins a new period.
  if not from or now - from >= period or now < tonumber(from) then from, calls = now, 0 end
  if tonumber(calls) >= tonumber(ARGV[i + 1]) then return {KEYS[1], 'allowed', 0} end
  longest = math.max(longest, period)
  counts[#counts + 1], counts[#counts + 2] = 'from' .. i, string.format('%.0f', from)
  counts[#counts + 1], counts[#counts + 2] = 'calls' .. i, calls + 1
end
call('HSET', key, unpack(counts))
call('PEXPIRE', key, longest)
return {KEYS[1], 'allowed', 1}
