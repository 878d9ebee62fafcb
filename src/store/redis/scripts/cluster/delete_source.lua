-- Third step of a migration between hash slots: removes the old context.
--
-- KEYS[1]  the old context
-- KEYS[2]  the old session index
-- ARGV     the members that were copied
-- Returns  {KEYS[1], member…}: the copied members that are no longer in the old context, because
--          they were confirmed after the copy; none if this step has run before
-- Cost     O(members); one round trip
local view, reply = string.match(KEYS[1], '}:(.*)$'), {KEYS[1]}
if redis.call('HDEL', KEYS[2], view) == 1 then
  for _, member in ipairs(ARGV) do
    if not redis.call('ZSCORE', KEYS[1], member) then table.insert(reply, member) end
  end
end
redis.call('UNLINK', KEYS[1])
return reply
