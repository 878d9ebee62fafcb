-- Adds jobs to a queue, unless it has or had one of the same id.
--
-- KEYS[1]  jobs: id to a digit, the claims without an outcome, and the record as JSON
-- KEYS[2]  due: ids by the time from which they may be claimed
-- KEYS[3]  done: ids of jobs that were done or cancelled, by time
-- ARGV[1]  maximum number of due jobs
-- ARGV[2]  maximum number of jobs that are due or wait for their time
-- ARGV     triples: id, time in ms or 0 for now, record
-- Returns  {KEYS[1], 'added', number of jobs}
--          {KEYS[1], 'full'}: nothing changed
-- Cost     O(k log n) for k jobs; one round trip
local jobs, due, done = unpack(KEYS)
local call = redis.call
local new = {}
for i = 3, #ARGV, 3 do
  local id = ARGV[i]
  if call('HEXISTS', jobs, id) == 0 and not call('ZSCORE', done, id) then new[#new + 1] = i end
end
local time = call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if call('ZCOUNT', due, '-inf', now) + #new > tonumber(ARGV[1]) or call('ZCARD', due) + #new > tonumber(ARGV[2]) then
  return {KEYS[1], 'full'}
end
local added = 0
for _, i in ipairs(new) do
  local id, at = ARGV[i], ARGV[i + 1]
  if at == '0' then at = now end
  -- Before the job is due: a job that is due has a record.
  added = added + call('HSETNX', jobs, id, '0' .. ARGV[i + 2])
  call('ZADD', due, at, id)
end
return {KEYS[1], 'added', added}
