-- Tries every command that the other scripts use, on keys of its own, to learn which the user may not run.
--
-- KEYS[1]  a book that nobody has
-- KEYS[2]  a context that nobody has
-- Returns  {KEYS[1], command…}: those that are refused for want of a right
-- Cost     O(1); one round trip
local book, context = KEYS[1], KEYS[2]
local commands = {
  {'TIME'}, {'EXISTS', context}, {'PTTL', context}, {'PEXPIRE', context, 1},
  {'ZADD', context, 'XX', 1, 'x'}, {'ZREM', context, 'x'}, {'ZSCORE', context, 'x'}, {'ZCARD', context},
  {'ZCOUNT', context, 0, 1}, {'ZRANGE', context, 0, 0}, {'ZRANGEBYSCORE', context, 0, 1},
  {'ZREMRANGEBYRANK', context, 0, 0}, {'RENAME', context, context}, {'UNLINK', context},
  {'HSETNX', book, 'x', 0}, {'HSET', book, 'x', 0}, {'HINCRBY', book, 'x', 1}, {'HGET', book, 'x'}, {'HMGET', book, 'x'},
  {'HEXISTS', book, 'x'}, {'HKEYS', book}, {'HLEN', book}, {'HDEL', book, 'x'}, {'DEL', book},
}
local reply = {KEYS[1]}
for _, command in ipairs(commands) do
  local answer = redis.pcall(unpack(command))
  local refused = type(answer) == 'table' and answer.err
  if refused and string.find(refused, 'permission') or refused and string.find(refused, "can't run this command") then
    table.insert(reply, string.lower(command[1]))
  end
end
return reply
