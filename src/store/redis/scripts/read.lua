-- Looks into contexts of one session: peeks, claims or takes what is visible.
--
-- KEYS[1]  the session book
-- KEYS[2…] the contexts
-- ARGV[1]  'peek' (changes nothing), 'claim' or 'take'
-- ARGV[2]  lease in ms, for a claim
-- ARGV[3]  age limit in ms, by the time in the id
-- Returns  {KEYS[1]}: nothing is there, or the session is closed or has moved; else {KEYS[1], now, until} and
--          for each context {key, next, displaced, expired, newer, members}; now and until in Unix ms, next in ms
--          or -1, 0 when more is visible than one look answers
-- Cost     O(1) where nothing is there, else O(visible members), at most 5,000 of each context, of which some 2,000 are answered; one round
--          trip
local mode, lease, age = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('EXISTS', unpack(KEYS, 2)) == 0 then return {KEYS[1]} end
local views = {}
for i = 2, #KEYS do views[i - 1] = string.match(KEYS[i], '}:(.*)$') end
local told = redis.call('HMGET', KEYS[1], '!moved', unpack(views))
if told[1] then return {KEYS[1]} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {KEYS[1], now, now + lease}

-- A server out of memory lets a script write that has begun by removing.
local function write(...)
  local done = redis.pcall(...)
  if type(done) == 'table' and done.err then
    redis.call('ZREM', KEYS[2], '')
    redis.call(...)
  end
end

-- In one that does not begin as it should, what stands in these places may be anything.
local function begins(member)
  return string.sub(member, 1, 7) == '{"id":"' and string.sub(member, 44, 44) == '"'
end
-- The first twelve hexadecimal digits of a UUIDv7 are its time; nil where no id stands.
local function written(member)
  if not begins(member) then return nil end
  return tonumber(string.sub(member, 8, 15) .. string.sub(member, 17, 20), 16)
end
local function newer(member)
  if not begins(member) then return false end
  local rest = string.sub(member, 45, 140)
  rest = string.match(rest, '^,"tag":"[^"]*"(.*)') or rest
  local version = string.match(rest, '^,"v":(%d+)')
  return version and version ~= '0' and version ~= '1'
end

for i = 2, #KEYS do
  local key = KEYS[i]
  local next_in, members, expired, unread, seen = -1, {}, {}, 0, 0
  local function sort(member)
    local at = written(member)
    if at and at < now - age then
      table.insert(expired, member)
    elseif newer(member) then
      unread = unread + 1
    else
      table.insert(members, member)
    end
    seen = seen + 1
  end

  -- Of few, one range tells all.
  local few = redis.call('ZRANGE', key, 0, 100, 'WITHSCORES')
  if #few <= 200 then
    for j = 1, #few, 2 do
      local at = tonumber(few[j + 1])
      if at > now then
        next_in = math.floor(at - now)
        break
      end
      sort(few[j])
    end
  else
    local later = redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    next_in = later[2] and math.floor(tonumber(later[2]) - now) or -1
    local page
    repeat
      page = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', seen, 500)
      for _, member in ipairs(page) do sort(member) end
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

  local displaced = seen > 0 and tonumber(told[i] or 0) or 0
  if displaced > 0 and mode ~= 'peek' then write('HSET', KEYS[1], views[i - 1], 0) end
  table.insert(reply, {key, next_in, displaced, #expired, unread, members})
end
return reply
