-- Lists the workers that run. Changes nothing.
--
-- KEYS[1]  workers
-- Returns  {KEYS[1], 'workers', the report of each that counts}
-- Cost     O(n) for n workers; one round trip
local time = redis.call('TIME')
local now, reports = time[1] * 1000 + math.floor(time[2] / 1000), {}
local all = redis.call('HGETALL', KEYS[1])
for i = 2, #all, 2 do
  local ends, report = string.match(all[i], '^(%d+) (.*)$')
  if ends and tonumber(ends) >= now then reports[#reports + 1] = report end
end
return {KEYS[1], 'workers', reports}
