-- Ends the flight of a delivery.
--
-- KEYS[1]  pace, as in take_slot.lua
-- ARGV[1]  id of the delivery
-- ARGV[2]  1 if it was successful, else 0
-- ARGV[3]  how long the key is kept, in ms
-- Returns  {KEYS[1], 'released', ARGV[1], failing}: for how long all deliveries have failed, in ms
-- Cost     O(1); one round trip
local pace, id = KEYS[1], ARGV[1]
local call = redis.call
call('HDEL', pace, 'in:' .. id)
if ARGV[2] == '1' then
  call('HDEL', pace, 'failing')
  return {pace, 'released', id, 0}
end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
call('HSETNX', pace, 'failing', string.format('%.0f', now))
call('PEXPIRE', pace, ARGV[3])
return {pace, 'released', id, math.max(0, now - call('HGET', pace, 'failing'))}
