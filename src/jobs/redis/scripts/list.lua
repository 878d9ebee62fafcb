-- Lists jobs in the order of their times. Changes nothing.
--
-- KEYS[1]  the place: due or dead
-- KEYS[2]  jobs
-- ARGV[1]  the time after which the list begins
-- ARGV[2]  the id after which it begins at that time; '' for all
-- ARGV[3]  maximum number of jobs
-- Returns  {KEYS[1], 'listed', then for each job: id, time, claims and record in one}
-- Cost     O(log n + returned), and those of one time if the id has left; one round trip
local call = redis.call
local function page(first) return call('ZRANGE', KEYS[1], first, first + ARGV[3] - 1, 'WITHSCORES') end
local first = 0
if ARGV[2] ~= '' then
  local score = call('ZSCORE', KEYS[1], ARGV[2])
  if score and tonumber(score) == tonumber(ARGV[1]) then
    first = call('ZRANK', KEYS[1], ARGV[2]) + 1
  else
    -- It has another time by now, or has left. Those of its time follow in the order of their ids.
    first = call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[1])
    local skipped
    repeat
      skipped = 0
      local same = page(first)
      for i = 1, #same, 2 do
        if tonumber(same[i + 1]) ~= tonumber(ARGV[1]) or same[i] > ARGV[2] then break end
        skipped = skipped + 1
      end
      first = first + skipped
    until skipped < tonumber(ARGV[3])
  end
end
local listed = page(first)
local reply = {KEYS[1], 'listed'}
for i = 1, #listed, 2 do
  local value = call('HGET', KEYS[2], listed[i])
  -- Empty if another program has damaged the queue.
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = listed[i], listed[i + 1], value or ''
end
return reply
