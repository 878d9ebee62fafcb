-- Reads what waits for a mail to one recipient. Changes nothing.
--
-- KEYS[1]  unmailed: ids by position; some may have been read since
-- KEYS[2]  unread
-- KEYS[3]  notifications
-- KEYS[4]  preferences
-- KEYS[5]  digest: `last:{name}`, the period of the last digest
-- ARGV[1]  maximum age in ms
-- ARGV[2]  the only id of interest; '' for all
-- Returns  {KEYS[1], 'unmailed', preferences as pairs of kind and cadence, periods as pairs of name and period,
--          values of the unread ones, oldest first}
-- Cost     O(n) for n waiting ones, at most 2,000; O(1) for one id; one round trip
local call = redis.call
local time = call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local waiting
if ARGV[2] == '' then
  waiting = call('ZINTER', '2', KEYS[1], KEYS[2], 'AGGREGATE', 'MIN', 'WITHSCORES')
else
  local position = call('ZSCORE', KEYS[1], ARGV[2]) and call('ZSCORE', KEYS[2], ARGV[2])
  waiting = position and {ARGV[2], position} or {}
end
local ids, values = {}, {}
for i = 1, #waiting, 2 do
  if tonumber(waiting[i + 1]) >= oldest then ids[#ids + 1] = waiting[i] end
end
if ids[1] then
  for _, value in ipairs(call('HMGET', KEYS[3], unpack(ids))) do
    -- Another program may have damaged the inbox.
    if value then values[#values + 1] = value end
  end
end
local periods, all = {}, call('HGETALL', KEYS[5])
for i = 1, #all, 2 do
  local name = string.match(all[i], '^last:(.*)')
  if name then periods[#periods + 1], periods[#periods + 2] = name, all[i + 1] end
end
return {KEYS[1], 'unmailed', call('HGETALL', KEYS[4]), periods, values}
