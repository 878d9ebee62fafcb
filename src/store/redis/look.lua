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
if redis.call('HEXISTS', KEYS[1], '!moved') == 1 then return {KEYS[1]} end
-- A server out of memory lets a script write that has begun by removing.
if mode ~= 'peek' then redis.call('ZREM', KEYS[2], '') end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {KEYS[1], now, now + lease}

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
  local view = string.match(key, '}:(.*)$')
  local later = redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local next_in = later[2] and math.floor(tonumber(later[2]) - now) or -1

  local members, expired, unread, seen = {}, {}, 0, 0
  repeat
    local page = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', seen, 500)
    for _, member in ipairs(page) do
      local at = written(member)
      if at and at < now - age then
        table.insert(expired, member)
      elseif newer(member) then
        unread = unread + 1
      else
        table.insert(members, member)
      end
    end
    seen = seen + #page
  until #page < 500 or #members >= 2000 or seen >= 5000
  if #members >= 2000 or seen >= 5000 then next_in = 0 end
  for _, member in ipairs(expired) do
    if mode ~= 'peek' then redis.call('ZREM', key, member) end
  end
  for _, member in ipairs(members) do
    if mode == 'claim' then redis.call('ZADD', key, 'XX', now + lease, member) end
    if mode == 'take' then redis.call('ZREM', key, member) end
  end

  local displaced = 0
  if seen > 0 then displaced = tonumber(redis.call('HGET', KEYS[1], view) or 0) end
  if displaced > 0 and mode ~= 'peek' then redis.call('HSET', KEYS[1], view, 0) end
  table.insert(reply, {key, next_in, displaced, #expired, unread, members})
end
return reply
