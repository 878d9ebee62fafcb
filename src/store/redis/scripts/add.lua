-- Adds messages to one context, all or none. Part of wire v1: KEYS, ARGV and Returns never change.
--
-- KEYS[1]  the context, app:{session}:view
-- KEYS[2]  the session index, app!session:{session}
-- ARGV[1]  time to live in ms: the context lives at least this long after the add
-- ARGV[2]  maximum number of messages in the context
-- ARGV[3]  maximum number of contexts in the session
-- ARGV[4]  when the context is full: 'drop' the oldest messages, or 'reject' the add
-- ARGV[5…] for each message two arguments: delay in ms, member
-- Returns  {KEYS[1], 'ok', displaced}        added; number of older messages that were displaced
--          {KEYS[1], 'moved', session}       nothing added; the new id of the session, encoded as
--                                            in keys
--          {KEYS[1], 'closed'}               nothing added; the session was closed
--          {KEYS[1], 'full', limit}          nothing added; the limit: 'messages' or 'contexts'
-- Cost     O(members of the context), at most 1,000, to compare ids and tags; one round trip
local context, index = KEYS[1], KEYS[2]
local call, sub = redis.call, string.sub
local min_ttl_ms = tonumber(ARGV[1])
local max_messages, max_contexts = tonumber(ARGV[2]), tonumber(ARGV[3])

local view = sub(context, string.find(context, '}:', 1, true) + 2)
local index_values = call('HMGET', index, '!moved', view)
local moved, displaced_value = index_values[1], index_values[2]
if moved == '' then return {context, 'closed'} end
if moved then return {context, 'moved', moved} end

local count = call('ZCARD', context)
-- A context that became empty stays in the session index until the limit of contexts is reached.
local is_new = count == 0 or not displaced_value
local context_count = is_new and call('HLEN', index)
if is_new and context_count >= max_contexts then
  local key_prefix = sub(context, 1, -1 - #view)
  for _, other in ipairs(call('HKEYS', index)) do
    if call('EXISTS', key_prefix .. other) == 0 then call('HDEL', index, other) end
  end
  displaced_value = count > 0 and displaced_value
  if call('HLEN', index) >= max_contexts then return {context, 'full', 'contexts'} end
end

-- The session index expires with the last of its contexts, or later: few adds have to write it.
local function extend_index(ttl_ms)
  if context_count == 0 or call('PTTL', index) < ttl_ms then
    call('PEXPIRE', index, ttl_ms + math.floor(ttl_ms / 8))
  end
end

local time = call('TIME')
if count == 0 and #ARGV == 6 and ARGV[5] == '0' and max_messages > 0 then
  -- The most frequent add: one message, without delay, to an empty context. The time is passed on as
  -- text, since the conversion of a number costs half as much as a command.
  call('ZADD', context, time[1] .. sub('00000' .. time[2], -6, -4), ARGV[6])
  if displaced_value ~= '0' then call('HSET', index, view, '0') end
  call('PEXPIRE', context, min_ttl_ms)
  extend_index(min_ttl_ms)
  return {context, 'ok', 0}
end
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The header of a member: {"id":"<36 characters>", then immediately ,"tag":"…" if it has a tag.
local function id_of(member)
  if sub(member, 1, 7) ~= '{"id":"' or sub(member, 44, 44) ~= '"' then return nil end
  return sub(member, 8, 43)
end
local function tag_of(member)
  return id_of(member) and string.match(sub(member, 44, 120), '^","tag":"([^"]*)"')
end

local existing_ids, members_by_tag = {}, {}
if count > 0 then
  -- 1,000 is the largest possible limit. Another process can have a higher limit than ARGV[2].
  for _, member in ipairs(redis.call('ZRANGE', context, -1000, -1)) do
    local id, tag = id_of(member), tag_of(member)
    if id then existing_ids[id] = true end
    if tag then
      members_by_tag[tag] = members_by_tag[tag] or {}
      table.insert(members_by_tag[tag], member)
    end
  end
end

local accepted, last_with_tag, replaced, max_delay_ms = {}, {}, {}, 0
for i = 5, #ARGV, 2 do
  local delay_ms, member = tonumber(ARGV[i]), ARGV[i + 1]
  local id, tag = id_of(member), tag_of(member)
  if not (id and existing_ids[id]) then
    if id then existing_ids[id] = true end
    if tag then
      if last_with_tag[tag] then accepted[last_with_tag[tag]].member = false end
      last_with_tag[tag] = #accepted + 1
      for _, old in ipairs(members_by_tag[tag] or {}) do table.insert(replaced, old) end
      members_by_tag[tag] = nil
    end
    table.insert(accepted, {score = now + delay_ms, member = member})
    if delay_ms > max_delay_ms then max_delay_ms = delay_ms end
  end
end
local to_add = {}
for _, entry in ipairs(accepted) do
  if entry.member then table.insert(to_add, entry) end
end

local remaining = count - #replaced
local excess = math.max(0, remaining + #to_add - max_messages)
if excess > 0 and ARGV[4] == 'reject' then return {context, 'full', 'messages'} end
-- An add never shortens the time to live. It is read first, because the removals below can delete
-- the key, and with it the time to live.
local ttl_ms = min_ttl_ms + max_delay_ms
if count > 0 then ttl_ms = math.max(redis.call('PTTL', context), ttl_ms) end
for _, old in ipairs(replaced) do redis.call('ZREM', context, old) end
-- Capacity is freed before the add: a context full of leased messages has to keep the new messages.
if excess > 0 and remaining > 0 then
  redis.call('ZREMRANGEBYRANK', context, 0, math.min(excess, remaining) - 1)
end
for i = math.max(0, excess - remaining) + 1, #to_add do
  redis.call('ZADD', context, 'NX', to_add[i].score, to_add[i].member)
end

-- The recorded count of displaced messages is discarded with an expired context.
local recorded_displaced = displaced_value and tonumber(displaced_value)
local displaced = (count > 0 and recorded_displaced or 0) + excess
if recorded_displaced ~= displaced then redis.call('HSET', index, view, displaced) end
redis.call('PEXPIRE', context, ttl_ms)
extend_index(ttl_ms)
return {context, 'ok', excess}
