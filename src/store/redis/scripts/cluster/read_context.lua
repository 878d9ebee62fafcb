-- Second step of a migration between hash slots, first half: reads one whole context.
--
-- KEYS[1]  the old context
-- KEYS[2]  the old session index
-- ARGV[1]  the largest possible limit of messages in a context
-- Returns  {KEYS[1], ttl_ms, displaced, members}: ttl_ms is the remaining time to live; each member
--          is followed by its score
-- Cost     O(members), at most ARGV[1]; one round trip
local view = string.match(KEYS[1], '}:(.*)$')
local members = redis.call('ZRANGE', KEYS[1], -tonumber(ARGV[1]), -1, 'WITHSCORES')
local displaced = 0
-- The recorded count of displaced messages is discarded with the last message of a context.
if #members > 0 then displaced = tonumber(redis.call('HGET', KEYS[2], view) or 0) end
displaced = displaced + redis.call('ZCARD', KEYS[1]) - #members / 2
return {KEYS[1], redis.call('PTTL', KEYS[1]), displaced, members}
