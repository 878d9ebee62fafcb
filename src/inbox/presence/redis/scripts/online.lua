-- Lists the people who are online. Changes nothing.
--
-- KEYS[1]  the people who are online, by the end of their lease
-- Returns  {KEYS[1], member...}
-- Cost     O(n); one round trip
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
table.insert(members, 1, KEYS[1])
return members
