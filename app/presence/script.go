package presence

import (
	"errors"

	"github.com/go-redis/redis/v8"
)

// Each script works on one key. Times are milliseconds.

// leasesScript returns the clock and the leases. Those that ended long ago are
// for nobody.
var leasesScript = redis.NewScript(`
local t = redis.call('TIME')
return {t[1] * 1000 + math.floor(t[2] / 1000), redis.call('HGETALL', KEYS[1])}`)

// renewScript renews the lease of gateway ARGV[1], which its owner knows to have
// been renewed at ARGV[2], or never, and returns the clock, the leases and 1. It
// does not where Redis lost the lease or has an older copy of it, nor when it was
// not renewed for ARGV[3]: then the last is 0. Leases that were renewed ARGV[4]
// ago are forgotten. One from the future was written by a clock that was ahead of
// this one, so it counts from now.
var renewScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local known = tonumber(ARGV[2])
local before = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
if before < known or before > 0 and now - before > tonumber(ARGV[3]) then
  return {now, redis.call('HGETALL', KEYS[1]), 0}
end
redis.call('HSET', KEYS[1], ARGV[1], now)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if now - all[i + 1] > tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], all[i]) end
  if now < tonumber(all[i + 1]) then
    redis.call('HSET', KEYS[1], all[i], now)
    all[i + 1] = tostring(now)
  end
end
return {now, all, 1}`)

// enterScript puts a connection into a user: ARGV is the time, when the leases
// were read, MaxGap, how long to keep the key, the field and its value, since when
// the connection is there, and then gateways and when they renewed their leases.
// The gateway that the connection is on is there now, whatever was read. What
// gateways left behind whose leases cannot be renewed any more goes, after it has
// told until when the user was connected. A gateway that is not known may be new.
var enterScript = redis.NewScript(`
local now, read, gap = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local renewed = {}
for i = 8, #ARGV, 2 do renewed[ARGV[i]] = tonumber(ARGV[i + 1]) end
local own = string.match(ARGV[5], '^[^/]*')
renewed[own] = now
local since, seen = nil, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local name = all[i]
  if name == 'since' then since = tonumber(all[i + 1])
  elseif name == 'seen' then seen = math.max(seen, tonumber(all[i + 1]))
  else
    local gateway = string.match(name, '^[^/]*')
    local at = renewed[gateway]
    seen = math.max(seen, at or 0)
    if at and gateway ~= own and read - at > gap then redis.call('HDEL', KEYS[1], name) end
  end
end
seen = math.min(seen, now)
if not since or since > now then since = tonumber(ARGV[7]) elseif now - seen > gap then since = now end
redis.call('HSET', KEYS[1], 'since', since, 'seen', seen, ARGV[5], ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0`)

// leaveScript takes a connection out of a user: ARGV is the time, how long to keep
// the key of somebody who is gone, and the field.
var leaveScript = redis.NewScript(`
if redis.call('HDEL', KEYS[1], ARGV[3]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'seen', ARGV[1])
if redis.call('HLEN', KEYS[1]) <= 2 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)

var errAnswer = errors.New("redis answers something else")

// readLeases reads the answer of leasesScript or renewScript.
func readLeases(answer *redis.Cmd) (*leases, error) {
	list, err := answer.Slice()
	if err != nil {
		return nil, err
	}
	if len(list) < 2 {
		return nil, errAnswer
	}
	now, isNumber := list[0].(int64)
	all, isList := list[1].([]any)
	if !isNumber || !isList {
		return nil, errAnswer
	}
	l := &leases{now: now, renewed: make(map[string]int64)}
	for i := 0; i+1 < len(all); i += 2 {
		name, _ := all[i].(string)
		at, _ := all[i+1].(string)
		l.renewed[name] = number(at)
	}
	return l, nil
}
