-- Stores an event with the job that fans it out, once for each content.
--
-- KEYS[1]  event: the digest, the time of acceptance in ms, and the body, which begins with a brace
-- KEYS[2]  jobs: id to a digit, the claims without an outcome, and the record as JSON
-- KEYS[3]  due: ids by the time from which they may be claimed
-- ARGV[1]  id of the job
-- ARGV[2]  record of the job
-- ARGV[3]  digest
-- ARGV[4]  body
-- ARGV[5]  how long the event is kept, in ms
-- ARGV[6]  maximum number of due jobs
-- ARGV[7]  maximum number of jobs that are due or wait for their time
-- Returns  {KEYS[1], 'accepted'}
--          {KEYS[1], 'known' | 'conflict' | 'full'}: nothing changed
-- Cost     O(log n); one round trip
local event, jobs, due = unpack(KEYS)
local call = redis.call
local time = call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local waiting = call('ZCARD', due)
local is_full = waiting >= tonumber(ARGV[7])
-- Few that wait need not be counted by their time.
if waiting >= tonumber(ARGV[6]) then is_full = is_full or call('ZCOUNT', due, '-inf', now) >= tonumber(ARGV[6]) end
if is_full or not call('SET', event, ARGV[3] .. now .. ARGV[4], 'NX', 'PX', ARGV[5]) then
  local known = call('GET', event)
  if not known then return {KEYS[1], 'full'} end
  return {KEYS[1], string.sub(known, 1, #ARGV[3]) == ARGV[3] and 'known' or 'conflict'}
end
-- Before the job is due: a job that is due has a record.
call('HSET', jobs, ARGV[1], '0' .. ARGV[2])
call('ZADD', due, now, ARGV[1])
return {KEYS[1], 'accepted'}
