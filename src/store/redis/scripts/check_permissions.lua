-- Runs each command of the other scripts, and of the modules in use, on keys that do not exist, to
-- find the commands that the user has no permission to run.
--
-- KEYS[1]  a session index that does not exist
-- KEYS[2]  a context that does not exist
-- ARGV     commands of the modules, as words separated by spaces: KEY stands for KEYS[1]
-- Returns  {KEYS[1], command…}: the commands that were rejected for a missing permission
-- Cost     O(1); one round trip
local index, context = KEYS[1], KEYS[2]
local commands = {
  {'TIME'}, {'EXISTS', context}, {'PTTL', context}, {'PEXPIRE', context, 1},
  {'ZADD', context, 'XX', 1, 'x'}, {'ZREM', context, 'x'}, {'ZSCORE', context, 'x'},
  {'ZCARD', context}, {'ZCOUNT', context, 0, 1}, {'ZRANGE', context, 0, 0},
  {'ZRANGEBYSCORE', context, 0, 1}, {'ZREMRANGEBYRANK', context, 0, 0},
  {'RENAME', context, context}, {'UNLINK', context},
  {'HSETNX', index, 'x', 0}, {'HSET', index, 'x', 0}, {'HINCRBY', index, 'x', 1},
  {'HGET', index, 'x'}, {'HMGET', index, 'x'}, {'HEXISTS', index, 'x'}, {'HKEYS', index},
  {'HLEN', index}, {'HDEL', index, 'x'}, {'DEL', index},
}
for _, argument in ipairs(ARGV) do
  local command = {}
  for word in string.gmatch(argument, '%S+') do
    table.insert(command, word == 'KEY' and index or word)
  end
  table.insert(commands, command)
end
local reply = {KEYS[1]}
for _, command in ipairs(commands) do
  local result = redis.pcall(unpack(command))
  local error_message = type(result) == 'table' and result.err
  if error_message and string.find(error_message, 'permission')
    or error_message and string.find(error_message, "can't run this command") then
    table.insert(reply, string.lower(command[1]))
  end
end
return reply
