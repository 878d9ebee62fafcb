-- Reserves the next slot of an endpoint for a delivery, or occupies it if its time has come.
--
-- KEYS[1]  pace: `next`, the first time in ms that is not reserved; `failing`, since when all deliveries have failed;
--          `service`, how long one that succeeds takes in ms; and for each delivery in flight `in:` and its id, with the time
--          at which it times out
-- KEYS[2]  slots: ids by the times that are reserved for them
-- ARGV[1]  id of the delivery
-- ARGV[2]  time between two deliveries at least, in ms
-- ARGV[3]  maximum number in flight; 1 while all deliveries fail
-- ARGV[4]  how long it is in flight if it is not released, in ms
-- ARGV[5]  how long the keys are kept, in ms
-- ARGV[6]  how many deliveries may be ahead of the time between two
-- ARGV[7]  how long it waits at least if too many are in flight, in ms
-- ARGV[8]  time between two deliveries while all of them fail, in ms
-- ARGV[9]  how far ahead slots are reserved, in ms
-- ARGV[10] how long a delivery waits for which no slot is reserved yet, in ms
-- Returns  {KEYS[1], 'slot', ARGV[1], wait}: 0, it is in flight now; else the time in ms until it asks again
-- Cost     O(log n + in flight), in flight <= 4; one round trip
local pace, slots, id = KEYS[1], KEYS[2], ARGV[1]
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields, in_flight, known = call('HGETALL', pace), 0, {}
for i = 1, #fields, 2 do
  local name, value = fields[i], tonumber(fields[i + 1])
  if string.sub(name, 1, 3) ~= 'in:' then
    known[name] = value
  elseif value <= now or name == 'in:' .. id then
    call('HDEL', pace, name)
  else
    in_flight = in_flight + 1
  end
end
local is_full = in_flight >= (known.failing and 1 or tonumber(ARGV[3]))
local reserved = tonumber(call('ZSCORE', slots, id) or nil)
local at, changes = reserved, {}
if at and at <= now then call('ZREM', slots, id) end
if not at or (at <= now and is_full) then
  -- What the endpoint can process: so many at the same time, each for so long.
  local interval = math.max(ARGV[2], math.floor((known.service or 0) / ARGV[3]))
  if known.failing then interval = tonumber(ARGV[8]) end
  local free = math.max(known.next or 0, now)
  -- No slot is reserved so far ahead: the clock was set back.
  if free > now + 2 * ARGV[9] + interval then free = now end
  at = math.max(free - ARGV[6] * interval, is_full and now + math.max(ARGV[7], interval) or now)
  -- Not so far ahead: the endpoint may have become faster until then.
  if at > now + ARGV[9] then return {pace, 'slot', id, tonumber(ARGV[10])} end
  changes = {'next', string.format('%.0f', free + interval)}
  if at > now then call('ZADD', slots, string.format('%.0f', at), id) end
end
if at <= now then
  changes[#changes + 1] = 'in:' .. id
  changes[#changes + 1] = string.format('%.0f', now + ARGV[4])
end
if changes[1] then call('HSET', pace, unpack(changes)) end
call('PEXPIRE', pace, ARGV[5])
if reserved or at > now then
  -- Slots of deliveries that were cancelled.
  call('ZREMRANGEBYSCORE', slots, '-inf', string.format('%.0f', now - 3600000))
  call('PEXPIRE', slots, ARGV[5])
end
return {pace, 'slot', id, math.max(0, at - now)}
