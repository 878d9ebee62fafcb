-- Ends the flight of a delivery.
--
-- KEYS[1]  pace, as in take_slot.lua
-- ARGV[1]  id of the delivery
-- ARGV[2]  1 if it was successful, else 0
-- ARGV[3]  how long the key is kept, in ms
-- ARGV[4]  how long it would have been in flight if it was not released, in ms
-- ARGV[5]  how long a delivery takes at most, in ms
-- Returns  {KEYS[1], 'released', ARGV[1], failing}: for how long all deliveries have failed, in ms
-- Cost     O(1); one round trip
local pace, id = KEYS[1], ARGV[1]
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local in_flight_until = call('HGET', pace, 'in:' .. id)
if ARGV[2] == '1' then
  local took = in_flight_until and math.max(0, now + ARGV[4] - in_flight_until)
  -- A longer one says that the clock was set.
  if took and took < tonumber(ARGV[5]) then
    local service = call('HGET', pace, 'service') or 0
    call('HSET', pace, 'service', string.format('%.0f', (service + 3 * took) / 4))
  end
  call('HDEL', pace, 'in:' .. id)
  -- Slots were far apart while all deliveries failed.
  if call('HDEL', pace, 'failing') == 1 then call('HDEL', pace, 'next') end
  call('PEXPIRE', pace, ARGV[3])
  return {pace, 'released', id, 0}
end
call('HDEL', pace, 'in:' .. id)
call('HSETNX', pace, 'failing', string.format('%.0f', now))
call('PEXPIRE', pace, ARGV[3])
return {pace, 'released', id, math.max(0, now - call('HGET', pace, 'failing'))}
