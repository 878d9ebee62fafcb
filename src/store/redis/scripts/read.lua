-- Reads contexts of one session: peeks, claims or takes the visible members.
--
-- KEYS[1]  the session index
-- KEYS[2…] the contexts
-- ARGV[1]  'peek' (changes nothing), 'claim' or 'take'
-- ARGV[2]  lease in ms, for a claim
-- ARGV[3]  maximum age in ms, by the time in the id
-- Returns  {KEYS[1]} if no context exists, or the session was closed or has moved; otherwise
--          {KEYS[1], now}, and for each context that exists the elements key, next_due_in_ms, count
--          and so many members; now in Unix ms: the lease ends at now plus ARGV[2]; next_due_in_ms
--          is -1 if no member becomes visible later, 0 if more members are visible than one read
--          returns; if count is negative, there are -1 - count members, and before them displaced,
--          expired and unsupported, the number of visible members with a newer format version
-- Cost     O(1) if no context exists, otherwise O(visible members): at most 5,000 of each context,
--          of which about 2,000 are returned; one round trip
--
-- A nested table in the reply costs as much as a command, and a number as an argument of a command
-- half as much. The client needs longer for each element than the server.
local index, mode = KEYS[1], ARGV[1]
local call, sub = redis.call, string.sub
local remaining = call('EXISTS', unpack(KEYS, 2))
if remaining == 0 then return {index} end

-- On a server that is out of memory, a script may write only after a command that removes.
local function write(command)
  local result = redis.pcall(unpack(command))
  if type(result) == 'table' and result.err then
    redis.call('ZREM', KEYS[2], '')
    redis.call(unpack(command))
  end
end

local now, lease_until_ms, oldest_ms, reply
for i = 2, #KEYS do
  local key = KEYS[i]
  -- One command reads a context of at most 100 members: the members and their scores.
  local batch, step = call('ZRANGE', key, '0', '100', 'WITHSCORES'), 2
  if batch[1] then
    local view = sub(key, string.find(key, '}:', 1, true) + 2)
    local index_values = call('HMGET', index, '!moved', view)
    if index_values[1] then return {index} end
    if not now then
      local time = call('TIME')
      now = time[1] * 1000 + math.floor(time[2] / 1000)
      lease_until_ms, oldest_ms = now + ARGV[2], now - ARGV[3]
    end
    local next_due_in_ms, examined = -1, 0
    if #batch > 200 then
      local next_due = call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
      if next_due[2] then next_due_in_ms = math.floor(next_due[2] - now) end
      batch, step = call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 500), 1
    end

    local members, expired, unsupported, is_last = {}, {}, 0, false
    repeat
      for j = 1, #batch, step do
        local member = batch[j]
        if step == 2 and batch[j + 1] - now > 0 then
          next_due_in_ms = math.floor(batch[j + 1] - now)
          break
        end
        examined = examined + 1
        local created_at, version
        -- Without this header, the bytes at the positions of id, tag and version can be anything.
        local after_id = sub(member, 44, 51)
        if sub(after_id, 1, 1) == '"' and sub(member, 1, 7) == '{"id":"' then
          -- The first twelve hexadecimal digits of a UUIDv7 are its time in Unix ms.
          created_at = tonumber(sub(member, 8, 15) .. sub(member, 17, 20), 16)
          if after_id ~= '","v":1,' then
            local rest = sub(member, 45, 140)
            rest = string.match(rest, '^,"tag":"[^"]*"(.*)') or rest
            version = string.match(rest, '^,"v":(%d+)')
          end
        end
        if created_at and created_at < oldest_ms then
          expired[#expired + 1] = member
        elseif version and version ~= '0' and version ~= '1' then
          unsupported = unsupported + 1
        else
          members[#members + 1] = member
        end
      end
      is_last = step == 2 or #batch < 500
      if #members >= 2000 or examined >= 5000 then next_due_in_ms, is_last = 0, true end
      if not is_last then
        batch = call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', examined, 500)
      end
    until is_last

    if expired[1] and mode ~= 'peek' then call('ZREM', key, unpack(expired)) end
    if members[1] then
      if mode == 'claim' then
        local command = {'ZADD', key, 'XX', lease_until_ms, members[1]}
        for j = 2, #members do command[2 * j + 2], command[2 * j + 3] = lease_until_ms, members[j] end
        write(command)
      end
      if mode == 'take' then call('ZREM', key, unpack(members)) end
    end

    local displaced = examined > 0 and tonumber(index_values[2] or 0) or 0
    if displaced > 0 and mode ~= 'peek' then write({'HSET', index, view, '0'}) end
    local count = #members
    if displaced + #expired + unsupported > 0 then
      count = -1 - count
      members = {displaced, #expired, unsupported, unpack(members)}
    end
    if reply then
      for _, element in ipairs({key, next_due_in_ms, count, unpack(members)}) do
        reply[#reply + 1] = element
      end
    else
      reply = {index, now, key, next_due_in_ms, count, unpack(members)}
    end
    remaining = remaining - 1
    if remaining == 0 then break end
  end
end
return reply
