-- Third step of a migration between hash slots: removes the old context. A repeat returns the same members, until the
-- last step.
--
-- KEYS[1]  the old context
-- KEYS[2]  the old session index
-- KEYS[3]  the copied members that were confirmed in the old session, each after its view, which this writes
-- ARGV     the members that were copied
-- Returns  {KEYS[1], member…}: the copied members that are no longer in the old context, because
--          they were confirmed after the copy; none if the last step is not needed, or has run
-- Cost     O(members); one round trip
local context, index, confirmed = unpack(KEYS)
local view, reply = string.match(context, '}:(.*)$'), {context}
if redis.call('HEXISTS', index, view) == 1 then
  local before = redis.call('ZRANGE', confirmed, '[' .. view .. ':', '(' .. view .. ';', 'BYLEX')
  for _, member in ipairs(before) do table.insert(reply, string.sub(member, #view + 2)) end
  if before[1] then return reply end
  for _, member in ipairs(ARGV) do
    if not redis.call('ZSCORE', context, member) then table.insert(reply, member) end
  end
end
redis.call('UNLINK', context)
for i = 2, #reply do redis.call('ZADD', confirmed, 0, view .. ':' .. reply[i]) end
if reply[2] then
  -- Not before the index: without these, all members would count as confirmed.
  redis.call('PEXPIRE', confirmed, redis.call('PTTL', index) + 60000)
else
  redis.call('HDEL', index, view)
end
return reply
