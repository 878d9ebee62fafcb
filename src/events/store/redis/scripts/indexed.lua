-- Reads a part of a set of recipients, in their order. Changes nothing.
--
-- KEYS[1]  the set, sorted by recipients
-- ARGV[1]  first one: '[' or '(' and a recipient
-- ARGV[2]  end: '(' and a text
-- ARGV[3]  maximum number
-- Returns  {KEYS[1], 'members', ARGV[1], recipients...}
-- Cost     O(log n + limit), limit <= 500; one round trip
local members = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', '0', ARGV[3])
return {KEYS[1], 'members', ARGV[1], unpack(members)}
