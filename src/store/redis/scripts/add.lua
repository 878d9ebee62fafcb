-- Adds messages to one context, all or none. Part of wire v1: KEYS, ARGV and Returns never change.
--
-- KEYS[1]  the context, app:{session}:view
-- KEYS[2]  the session book, app!session:{session}
-- ARGV[1]  expiry in ms: the context lives at least this long after the add
-- ARGV[2]  most messages in the context
-- ARGV[3]  most contexts in the session
-- ARGV[4]  'drop' the oldest or 'reject' the add when the context is full
-- ARGV[5…] for each message two: delay in ms, member
-- Returns  {KEYS[1], 'ok', displaced}        added; how many older ones went to make room
--          {KEYS[1], 'moved', session}       nothing added: the session's new id, encoded as in keys
--          {KEYS[1], 'closed'}               nothing added: the session was closed
--          {KEYS[1], 'full', what}           nothing added: 'messages' or 'contexts'
-- Cost     O(members of the context), at most 1,000, for the comparison of ids and tags; one round trip
local context, book = KEYS[1], KEYS[2]
local expiry, cap, most_contexts = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local view = string.match(context, '}:(.*)$')
local told = redis.call('HMGET', book, '!moved', view)
local moved, known = told[1], told[2]
if moved == '' then return {context, 'closed'} end
if moved then return {context, 'moved', moved} end

local prefix = string.sub(context, 1, -1 - #view)
local count = redis.call('ZCARD', context)
-- One that came to be empty stands in the book until somebody needs its room.
local new = count == 0 or not known
local standing = new and redis.call('HLEN', book)
if new and standing >= most_contexts then
  for _, other in ipairs(redis.call('HKEYS', book)) do
    if redis.call('EXISTS', prefix .. other) == 0 then redis.call('HDEL', book, other) end
  end
  known = count > 0 and known
  if redis.call('HLEN', book) >= most_contexts then return {context, 'full', 'contexts'} end
end

-- A member's places: {"id":"<36 characters>" and, when it has one, ,"tag":"…" at once after it.
local function id_of(member)
  if string.sub(member, 1, 7) ~= '{"id":"' or string.sub(member, 44, 44) ~= '"' then return nil end
  return string.sub(member, 8, 43)
end
local function tag_of(member)
  return id_of(member) and string.match(string.sub(member, 44, 120), '^","tag":"([^"]*)"')
end

local ids, tagged = {}, {}
if count > 0 then
  -- As many as a cap can be: another process may have a higher one.
  for _, member in ipairs(redis.call('ZRANGE', context, -1000, -1)) do
    local id, tag = id_of(member), tag_of(member)
    if id then ids[id] = true end
    if tag then
      tagged[tag] = tagged[tag] or {}
      table.insert(tagged[tag], member)
    end
  end
end

local fresh, last_with, replaced, latest = {}, {}, {}, 0
for i = 5, #ARGV, 2 do
  local delay, member = tonumber(ARGV[i]), ARGV[i + 1]
  local id, tag = id_of(member), tag_of(member)
  if not (id and ids[id]) then
    if id then ids[id] = true end
    if tag then
      if last_with[tag] then fresh[last_with[tag]].member = false end
      last_with[tag] = #fresh + 1
      for _, old in ipairs(tagged[tag] or {}) do table.insert(replaced, old) end
      tagged[tag] = nil
    end
    table.insert(fresh, {score = now + delay, member = member})
    if delay > latest then latest = delay end
  end
end
local adding = {}
for _, one in ipairs(fresh) do
  if one.member then table.insert(adding, one) end
end

local staying = count - #replaced
local over = math.max(0, staying + #adding - cap)
if over > 0 and ARGV[4] == 'reject' then return {context, 'full', 'messages'} end
-- A life is never shortened, also not by what goes now: an empty key is gone, and its life with it.
local life = expiry + latest
if count > 0 then life = math.max(redis.call('PTTL', context), life) end
for _, old in ipairs(replaced) do redis.call('ZREM', context, old) end
-- Room is made before the add: a context full of leased messages must keep the new one.
if over > 0 and staying > 0 then
  redis.call('ZREMRANGEBYRANK', context, 0, math.min(over, staying) - 1)
end
for i = math.max(0, over - staying) + 1, #adding do
  redis.call('ZADD', context, 'NX', adding[i].score, adding[i].member)
end

-- A context that expired takes with it what there was to tell of it.
local stands = known and tonumber(known)
local displaced = (count > 0 and stands or 0) + over
if stands ~= displaced then redis.call('HSET', book, view, displaced) end
redis.call('PEXPIRE', context, life)
if standing == 0 or redis.call('PTTL', book) < life then redis.call('PEXPIRE', book, life) end
return {context, 'ok', over}
