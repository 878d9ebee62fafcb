-- Reserves the next slot of an endpoint for a delivery, or begins its flight if its slot has come.
--
-- KEYS[1]  pace: `next`, the first time in ms that is not reserved; `failing`, since when all deliveries have failed; and
--          for each delivery in flight `in:` and its id, with the end of its flight
-- KEYS[2]  slots: ids by the times that are reserved for them
-- ARGV[1]  id of the delivery
-- ARGV[2]  time between two deliveries in ms
-- ARGV[3]  maximum number in flight; 1 while all deliveries fail
-- ARGV[4]  how long it is in flight if it is not released, in ms
-- ARGV[5]  how long the keys are kept, in ms
-- ARGV[6]  how far deliveries may be ahead of the time between two, in ms
-- ARGV[7]  how long it waits at least if too many are in flight, in ms
-- Returns  {KEYS[1], 'slot', ARGV[1], wait}: 0, it is in flight now; else the time in ms until its slot
-- Cost     O(log n + in flight), in flight <= 4; one round trip
local pace, slots, id, interval = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields, in_flight, next_free, max_in_flight = call('HGETALL', pace), 0, 0, tonumber(ARGV[3])
for i = 1, #fields, 2 do
  local name, value = fields[i], tonumber(fields[i + 1])
  if name == 'next' then
    next_free = value
  elseif name == 'failing' then
    max_in_flight = 1
  elseif string.sub(name, 1, 3) == 'in:' then
    if value <= now or name == 'in:' .. id then call('HDEL', pace, name) else in_flight = in_flight + 1 end
  end
end
local is_full = in_flight >= max_in_flight
local at = tonumber(call('ZSCORE', slots, id) or nil)
if not at or (at <= now and is_full) then
  local free = math.max(next_free, now)
  call('HSET', pace, 'next', string.format('%.0f', free + interval))
  at = math.max(free - ARGV[6], is_full and now + ARGV[7] or now)
end
if at > now then
  call('ZADD', slots, string.format('%.0f', at), id)
else
  call('ZREM', slots, id)
  call('HSET', pace, 'in:' .. id, string.format('%.0f', now + ARGV[4]))
end
-- Slots of deliveries that were cancelled.
call('ZREMRANGEBYSCORE', slots, '-inf', string.format('%.0f', now - 3600000))
call('PEXPIRE', pace, ARGV[5])
call('PEXPIRE', slots, ARGV[5])
return {pace, 'slot', id, math.max(0, at - now)}
