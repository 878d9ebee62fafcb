-- Second step of a move between slots, the reading half: all of one context.
--
-- KEYS[1]  the old context
-- KEYS[2]  the old session book
-- ARGV[1]  most messages that a context can be set to keep
-- Returns  {KEYS[1], life, displaced, members}: ms the context has to live, members each followed by its score
-- Cost     O(members), at most ARGV[1]; one round trip
local view = string.match(KEYS[1], '}:(.*)$')
local members = redis.call('ZRANGE', KEYS[1], -tonumber(ARGV[1]), -1, 'WITHSCORES')
local displaced = 0
-- What there was to tell of a context went with its last message.
if #members > 0 then displaced = tonumber(redis.call('HGET', KEYS[2], view) or 0) end
displaced = displaced + redis.call('ZCARD', KEYS[1]) - #members / 2
return {KEYS[1], redis.call('PTTL', KEYS[1]), displaced, members}
