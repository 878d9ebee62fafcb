-- Makes jobs due at once that are dead or wait for their time. Those that were dead have all their attempts again.
-- Leaves leased ones alone.
--
-- KEYS[1]  jobs
-- KEYS[2]  due
-- KEYS[3]  dead
-- ARGV     ids
-- Returns  {KEYS[1], 'replayed', number of jobs}
-- Cost     O(k log n) for k jobs; one round trip
local jobs, due, dead = unpack(KEYS)
local call = redis.call
local time = call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local replayed = 0
for i = 1, #ARGV do
  local id = ARGV[i]
  local value = call('HGET', jobs, id)
  local was_dead = value and call('ZREM', dead, id) == 1
  if was_dead or value and string.sub(value, 1, 1) == '0' then
    local record = string.sub(value, 2)
    if was_dead then
      -- Its schedule begins anew. Within a text of JSON the quotes have backslashes.
      record = string.gsub(record, ',"failures":%d+,"attempts":%[', ',"attempts":[')
    end
    call('HSET', jobs, id, '0' .. record)
    call('ZADD', due, now, id)
    replayed = replayed + 1
  end
end
return {KEYS[1], 'replayed', replayed}
