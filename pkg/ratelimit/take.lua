-- Takes up to ARGV[3] tokens from the bucket KEYS[1], which holds ARGV[2] and
-- gains ARGV[1] a second. Answers how many were taken and, if they were fewer, in
-- how many microseconds there is one more.
--
-- A bucket is one number: when, in microseconds of this server's clock, it is full
-- again. A bucket that is full has no key. All times are whole microseconds, which
-- a double holds exactly, and what a token costs is rounded up: no bucket ever
-- gives more than its burst and its rate allow.
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local capacity = math.ceil(burst * 1000000 / rate)
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
-- A clock that was put back, or a burst that was made smaller, must not leave a
-- bucket emptier than empty, nor keep it there.
local beyond = full > now + capacity
if beyond then
  full = now + capacity
end
local room = now + capacity - full
local took = math.min(want, math.floor(room * rate / 1000000))
if took > 0 or beyond then
  local cost = math.ceil(took * 1000000 / rate)
  full = full + cost
  room = room - cost
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', string.format('%.0f', math.ceil((full - now) / 1000)))
end
if took == want then
  return {took, 0}
end
return {took, math.ceil(1000000 / rate) - room}
