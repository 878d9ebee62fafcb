-- Third step of a move between slots: removes the old context, and tells what was confirmed while it was carried.
--
-- KEYS[1]  the old context
-- KEYS[2]  the old session book
-- ARGV     the members that were carried
-- Returns  {KEYS[1], member…}: those that were not there any more; none where somebody else has done this step
-- Cost     O(members); one round trip
local view, gone = string.match(KEYS[1], '}:(.*)$'), {KEYS[1]}
if redis.call('HDEL', KEYS[2], view) == 1 then
  for _, member in ipairs(ARGV) do
    if not redis.call('ZSCORE', KEYS[1], member) then table.insert(gone, member) end
  end
end
redis.call('UNLINK', KEYS[1])
return gone
