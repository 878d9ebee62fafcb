-- Reads contexts of one session: peeks, claims or takes the visible members.
--
-- KEYS[1]  the session index
-- KEYS[2…] the contexts
-- ARGV[1]  'peek' (changes nothing), 'claim' or 'take'
-- ARGV[2]  lease in ms, for a claim
-- ARGV[3]  age limit in ms, by the time in the id
-- Returns  {KEYS[1]} if no context exists, or the session was closed or has moved; otherwise
--          {KEYS[1], now, until}, and for each context
--          {key, next, displaced, expired, newer, members}; now and until in Unix ms; next in ms,
--          -1 for none, 0 if more members are visible than one read returns
-- Cost     O(1) if no context exists, otherwise O(visible members): at most 5,000 of each context,
--          of which about 2,000 are returned; one round trip
local mode, lease, age = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', unpack(KEYS, 2)) == 0 then return {KEYS[1]} end
local views = {}
for i = 2, #KEYS do views[i - 1] = string.match(KEYS[i], '}:(.*)$') end
local fields = redis.call('HMGET', KEYS[1], '!moved', unpack(views))
if fields[1] then return {KEYS[1]} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {KEYS[1], now, now + lease}

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
-- The first twelve hexadecimal digits of a UUIDv7 are its time; nil without an id.
local function created_at(member)
  if not has_header(member) then return nil end
  return tonumber(string.sub(member, 8, 15) .. string.sub(member, 17, 20), 16)
end
local function is_newer(member)
  if not has_header(member) then return false end
  local rest = string.sub(member, 45, 140)
  rest = string.match(rest, '^,"tag":"[^"]*"(.*)') or rest
  local version = string.match(rest, '^,"v":(%d+)')
  return version and version ~= '0' and version ~= '1'
end

for i = 2, #KEYS do
  local key = KEYS[i]
  local next_in, members, expired, newer_count, seen = -1, {}, {}, 0, 0
  local function classify(member)
    local time_ms = created_at(member)
    if time_ms and time_ms < now - age then
      table.insert(expired, member)
    elseif is_newer(member) then
      newer_count = newer_count + 1
    else
      table.insert(members, member)
    end
    seen = seen + 1
  end

  -- One range is enough for a small context.
  local range = redis.call('ZRANGE', key, 0, 100, 'WITHSCORES')
  if #range <= 200 then
    for j = 1, #range, 2 do
      local time_ms = tonumber(range[j + 1])
      if time_ms > now then
        next_in = math.floor(time_ms - now)
        break
      end
      classify(range[j])
    end
  else
    local later = redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    next_in = later[2] and math.floor(tonumber(later[2]) - now) or -1
    local page
    repeat
      page = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', seen, 500)
      for _, member in ipairs(page) do classify(member) end
    until #page < 500 or #members >= 2000 or seen >= 5000
    if #members >= 2000 or seen >= 5000 then next_in = 0 end
  end

  for _, member in ipairs(expired) do
    if mode ~= 'peek' then redis.call('ZREM', key, member) end
  end
  for _, member in ipairs(members) do
    if mode == 'claim' then write('ZADD', key, 'XX', now + lease, member) end
    if mode == 'take' then redis.call('ZREM', key, member) end
  end

  local displaced = seen > 0 and tonumber(fields[i] or 0) or 0
  if displaced > 0 and mode ~= 'peek' then write('HSET', KEYS[1], views[i - 1], 0) end
  table.insert(reply, {key, next_in, displaced, #expired, newer_count, members})
end
return reply
