-- Looks for a job. Changes nothing.
--
-- KEYS[1]  jobs
-- KEYS[2]  dead
-- ARGV[1]  id
-- Returns  {KEYS[1], ARGV[1], 'leased', 'idle' or 'none'}; idle: due, waiting for its time or dead
-- Cost     O(1); one round trip
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return {KEYS[1], ARGV[1], 'none'} end
local is_idle = string.sub(value, 1, 1) == '0' or redis.call('ZSCORE', KEYS[2], ARGV[1])
return {KEYS[1], ARGV[1], is_idle and 'idle' or 'leased'}
