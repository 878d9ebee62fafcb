-- Leases due jobs, those that wait longest first. A job whose claims had no outcome too often is dead. One that is a
-- suspect, since it had some without an outcome, stays due if there are enough of them.
--
-- KEYS[1]  due
-- KEYS[2]  jobs
-- KEYS[3]  dead: ids by the time at which they died
-- ARGV[1]  duration of the lease in ms
-- ARGV[2]  maximum number of jobs
-- ARGV[3]  claims without an outcome after which a job is dead: at most 9
-- ARGV[4]  claims without an outcome after which a job is a suspect
-- ARGV[5]  maximum number of suspects
-- Returns  {KEYS[1], 'claimed', time of the server in ms, end of the lease, number of jobs that died, time of the next
--          job that waits for its time or for room, or '', number of jobs that are not dead, leased ones included,
--          number of dead jobs, then for each leased job: id, claims and record in one}
-- Cost     O(k log n) for k jobs; one round trip
local due, jobs, dead = unpack(KEYS)
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text, lease_end = string.format('%.0f', now), string.format('%.0f', now + ARGV[1])
local reply = {KEYS[1], 'claimed', now_text, lease_end, 0, '', 0, 0}
local next_time = '-inf'
local ids = call('ZRANGE', due, '-inf', now_text, 'BYSCORE', 'LIMIT', '0', ARGV[2])
if ids[1] then
  local values, leases, max_claims = call('HMGET', jobs, unpack(ids)), {}, tonumber(ARGV[3])
  local max_shared, suspects = tonumber(ARGV[4]), tonumber(ARGV[5])
  for i = 1, #ids do
    local id, value = ids[i], values[i]
    -- Another program may have damaged the queue.
    local claims = value and tonumber(string.sub(value, 1, 1))
    if not claims or claims >= max_claims then
      call('ZREM', due, id)
      if value then call('ZADD', dead, now_text, id) end
      reply[5] = reply[5] + 1
    elseif claims >= max_shared and suspects == 0 then
      -- It waits for the end of an attempt, not for a time.
      next_time = '(' .. now_text
    else
      if claims >= max_shared then suspects = suspects - 1 end
      value = (claims + 1) .. string.sub(value, 2)
      call('HSET', jobs, id, value)
      leases[#leases + 1], leases[#leases + 2] = lease_end, id
      reply[#reply + 1], reply[#reply + 2] = id, value
    end
  end
  if leases[1] then call('ZADD', due, unpack(leases)) end
end
local first = call('ZRANGE', due, next_time, '+inf', 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
reply[6] = first[2] or ''
reply[7], reply[8] = call('ZCARD', due), call('ZCARD', dead)
return reply
