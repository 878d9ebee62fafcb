-- Reads contexts of one session: peeks, claims or takes the visible members.
--
-- KEYS[1]  the session index
-- KEYS[2…] the contexts
-- ARGV[1]  'peek' (changes nothing), 'claim' or 'take'
-- ARGV[2]  lease in ms, for a claim
-- ARGV[3]  maximum age in ms, by the time in the id
-- Returns  {KEYS[1]} if no context exists, or the session was closed or has moved; otherwise
--          {KEYS[1], now, lease_until_ms}, and for each context
--          {key, next_due_in_ms, displaced, expired, unsupported, members}; now and lease_until_ms
--          in Unix ms; next_due_in_ms is -1 if no member becomes visible later, 0 if more members
--          are visible than one read returns; unsupported is the number of visible members with a
--          newer format version
-- Cost     O(1) if no context exists, otherwise O(visible members): at most 5,000 of each context,
--          of which about 2,000 are returned; one round trip
local mode, lease_ms, max_age_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', unpack(KEYS, 2)) == 0 then return {KEYS[1]} end
local views = {}
for i = 2, #KEYS do views[i - 1] = string.match(KEYS[i], '}:(.*)$') end
local index_values = redis.call('HMGET', KEYS[1], '!moved', unpack(views))
if index_values[1] then return {KEYS[1]} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {KEYS[1], now, now + lease_ms}

-- On a server that is out of memory, a script may write only after a command that removes.
local function write(...)
  local result = redis.pcall(...)
  if type(result) == 'table' and result.err then
    redis.call('ZREM', KEYS[2], '')
    redis.call(...)
  end
end

-- Without this header, the bytes at the positions of id, tag and version can be anything.
local function has_header(member)
  return string.sub(member, 1, 7) == '{"id":"' and string.sub(member, 44, 44) == '"'
end
-- The first twelve hexadecimal digits of a UUIDv7 are its time in Unix ms; nil without an id.
local function created_at(member)
  if not has_header(member) then return nil end
  return tonumber(string.sub(member, 8, 15) .. string.sub(member, 17, 20), 16)
end
-- Returns whether the member has a newer format version than 1.
local function is_unsupported(member)
  if not has_header(member) then return false end
  local rest = string.sub(member, 45, 140)
  rest = string.match(rest, '^,"tag":"[^"]*"(.*)') or rest
  local version = string.match(rest, '^,"v":(%d+)')
  return version and version ~= '0' and version ~= '1'
end

for i = 2, #KEYS do
  local key = KEYS[i]
  local next_due_in_ms, examined = -1, 0
  local members, expired, unsupported = {}, {}, 0
  local function classify(member)
    local creation_time = created_at(member)
    if creation_time and creation_time < now - max_age_ms then
      table.insert(expired, member)
    elseif is_unsupported(member) then
      unsupported = unsupported + 1
    else
      table.insert(members, member)
    end
    examined = examined + 1
  end

  -- One command reads a context of at most 100 members.
  local first_members = redis.call('ZRANGE', key, 0, 100, 'WITHSCORES')
  if #first_members <= 200 then
    for j = 1, #first_members, 2 do
      local score = tonumber(first_members[j + 1])
      if score > now then
        next_due_in_ms = math.floor(score - now)
        break
      end
      classify(first_members[j])
    end
  else
    local next_due =
      redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    next_due_in_ms = next_due[2] and math.floor(tonumber(next_due[2]) - now) or -1
    local batch
    repeat
      batch = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', examined, 500)
      for _, member in ipairs(batch) do classify(member) end
    until #batch < 500 or #members >= 2000 or examined >= 5000
    if #members >= 2000 or examined >= 5000 then next_due_in_ms = 0 end
  end

  for _, member in ipairs(expired) do
    if mode ~= 'peek' then redis.call('ZREM', key, member) end
  end
  for _, member in ipairs(members) do
    if mode == 'claim' then write('ZADD', key, 'XX', now + lease_ms, member) end
    if mode == 'take' then redis.call('ZREM', key, member) end
  end

  local displaced = examined > 0 and tonumber(index_values[i] or 0) or 0
  if displaced > 0 and mode ~= 'peek' then write('HSET', KEYS[1], views[i - 1], 0) end
  table.insert(reply, {key, next_due_in_ms, displaced, #expired, unsupported, members})
end
return reply
