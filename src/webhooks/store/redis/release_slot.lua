-- Releases the slot of a delivery.
--
-- KEYS[1]  pace, as in take_slot.lua
-- ARGV[1]  id of the delivery
-- ARGV[2]  1 if it was successful, 0 if it has failed, '' if it was not sent
-- ARGV[3]  how long the key is kept, in ms
-- ARGV[4]  how long it would have been in flight if it was not released, in ms
-- ARGV[5]  how long a delivery takes at most, in ms
-- Returns  {KEYS[1], 'released', ARGV[1], failing}: for how long all deliveries have failed, in ms
-- Cost     O(1); one round trip
local pace, id = KEYS[1], ARGV[1]
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local field = 'in:' .. id
local known = call('HMGET', pace, field, 'service', 'failing')
local in_flight_until, service, failing = known[1], known[2] or '0', known[3]
if ARGV[2] == '1' then
  local took = in_flight_until and math.max(0, now + ARGV[4] - in_flight_until)
  -- A longer one says that the clock was set.
  if took and took < tonumber(ARGV[5]) then
    local mean = string.format('%.0f', (service + 3 * took) / 4)
    if mean ~= service then call('HSET', pace, 'service', mean) end
  end
  call('HDEL', pace, field)
  -- Slots were far apart while all deliveries failed.
  if failing then call('HDEL', pace, 'failing', 'next') end
  return {pace, 'released', id, 0}
end
call('HDEL', pace, field)
if ARGV[2] == '' then return {pace, 'released', id, 0} end
failing = failing or string.format('%.0f', now)
call('HSET', pace, 'failing', failing)
call('PEXPIRE', pace, ARGV[3])
return {pace, 'released', id, math.max(0, now - failing)}
