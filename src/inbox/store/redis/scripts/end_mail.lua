-- Forgets what a job has taken, since it was mailed or is not wanted any more. Of a recipient who was erased meanwhile,
-- nothing is recorded.
--
-- KEYS[1]  digest: ids taken by job; `last:{name}`, the period of the last digest
-- KEYS[2]  notifications
-- KEYS[3]  removed
-- ARGV[1]  the id of the job
-- ARGV[2]  how long the period is remembered, in ms
-- ARGV[3]  the name of the digest, if it was sent; else ''
-- ARGV[4]  the period for which it was sent
-- Returns  {KEYS[1], 'ended'}
-- Cost     O(1); one round trip
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[3] ~= '' and redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then
  redis.call('HSET', KEYS[1], 'last:' .. ARGV[3], ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {KEYS[1], 'ended'}
