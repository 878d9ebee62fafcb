-- Takes notifications that wait for a mail, under the id of the job that mails them. A repeat takes the same.
--
-- KEYS[1]  digest: ids taken by job
-- KEYS[2]  unmailed
-- KEYS[3]  unread
-- KEYS[4]  notifications
-- ARGV[1]  the id of the job
-- ARGV[2]  how long they stay taken, in ms
-- ARGV[3…] ids to take, if the job has taken none
-- Returns  {KEYS[1], 'begun', values of those that are still unread, in the order of the ids}
-- Cost     O(k log n) for k ids, at most 200; one round trip
local call = redis.call
local digest, unmailed, unread, notifications = unpack(KEYS)
local taken = call('HGET', digest, ARGV[1])
if not taken then
  local ids = {}
  for i = 3, #ARGV do
    if call('ZREM', unmailed, ARGV[i]) == 1 then ids[#ids + 1] = ARGV[i] end
  end
  taken = table.concat(ids)
  if taken ~= '' then
    call('HSET', digest, ARGV[1], taken)
    call('PEXPIRE', digest, ARGV[2])
  end
end
local values = {}
for i = 1, #taken, 36 do
  local id = string.sub(taken, i, i + 35)
  local value = call('ZSCORE', unread, id) and call('HGET', notifications, id)
  if value then values[#values + 1] = value end
end
return {KEYS[1], 'begun', values}
