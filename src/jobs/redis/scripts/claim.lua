-- Leases due jobs, those that wait longest first. A job whose claims had no outcome is a suspect, and stays due if there
-- are enough of them, or waits if these are all that is looked at. After more such claims it is leased to be reported as dead, and at last it is dead without a report.
--
-- KEYS[1]  due
-- KEYS[2]  jobs
-- KEYS[3]  dead: ids by the time at which they died
-- ARGV[1]  duration of the lease in ms
-- ARGV[2]  maximum number of jobs
-- ARGV[3]  claims without an outcome after which a job is reported as dead
-- ARGV[4]  claims without an outcome after which a job is a suspect
-- ARGV[5]  maximum number of suspects
-- ARGV[6]  maximum number of jobs to look at
-- ARGV[7]  claims without an outcome after which a job is dead without a report: at most 9
-- ARGV[8]  time in ms for which suspects wait that are all that is looked at
-- Returns  {KEYS[1], 'claimed', time of the server in ms, end of the lease, number of jobs that died, time of the next
--          job that waits for its time or for room, or '', number of jobs that are not dead, leased ones included,
--          number of dead jobs, time of the first job or '', then for each leased job: id, claims and record in one}
-- Cost     O(k log n) for k jobs; one round trip
local due, jobs, dead = unpack(KEYS)
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text, lease_end = string.format('%.0f', now), string.format('%.0f', now + ARGV[1])
local reply = {KEYS[1], 'claimed', now_text, lease_end, 0, '', 0, 0, ''}
local limit, max_claims, max_shared = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local suspects, max_looked_at, max_report_claims = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local leases, kept, delayed = {}, 0, {}
local delayed_until = string.format('%.0f', now + ARGV[8])
repeat
  local wanted, kept_before = limit - #leases / 2, kept
  -- Leased and kept ones stay in their places until all have been looked at.
  local ids = call('ZRANGE', due, '-inf', now_text, 'BYSCORE', 'LIMIT', #leases / 2 + kept, wanted)
  local values = ids[1] and call('HMGET', jobs, unpack(ids))
  for i = 1, #ids do
    local id, value = ids[i], values[i]
    -- Another program may have damaged the queue.
    local claims = value and tonumber(string.sub(value, 1, 1))
    local is_suspect = claims and claims >= max_shared and claims < max_claims
    if not claims or claims >= max_report_claims then
      call('ZREM', due, id)
      if value then call('ZADD', dead, now_text, id) end
      reply[5] = reply[5] + 1
    elseif is_suspect and suspects == 0 then
      kept = kept + 1
      delayed[#delayed + 1], delayed[#delayed + 2] = delayed_until, id
    else
      if is_suspect then suspects = suspects - 1 end
      value = (claims + 1) .. string.sub(value, 2)
      call('HSET', jobs, id, value)
      leases[#leases + 1], leases[#leases + 2] = lease_end, id
      reply[#reply + 1], reply[#reply + 2] = id, value
    end
  end
until kept == kept_before or #ids < wanted or #leases / 2 + kept >= max_looked_at
if leases[1] then call('ZADD', due, unpack(leases)) end
if kept > 0 and #leases / 2 + kept >= max_looked_at then
  call('ZADD', due, unpack(delayed))
  kept = 0
end
local first = call('ZRANGE', due, '0', '0', 'WITHSCORES')
reply[9] = first[2] or ''
-- Those that were kept wait for the end of an attempt, not for a time.
if kept > 0 then first = call('ZRANGE', due, '(' .. now_text, '+inf', 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES') end
reply[6] = first[2] or ''
reply[7], reply[8] = call('ZCARD', due), call('ZCARD', dead)
return reply
