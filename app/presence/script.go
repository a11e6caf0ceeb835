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

// renewScript renews the lease of gateway ARGV[1], forgets those that ended
// ARGV[2] ago, and returns the clock, the leases, and when this one was renewed
// before, or -1.
var renewScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local before = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], now)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if now - all[i + 1] > tonumber(ARGV[2]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return {now, all, before and tonumber(before) or -1}`)

// enterScript puts a connection into a user: ARGV is the time, MaxGap, Lease, how
// long to keep the key, the field and its value, since when the connection is
// there, and then gateways and when they renewed their leases. What gateways left
// behind that died goes, after it has told until when the user was connected.
const enterScript = `
local now, gap, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local renewed = {}
for i = 8, #ARGV, 2 do renewed[ARGV[i]] = tonumber(ARGV[i + 1]) end
local since, seen = nil, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local name = all[i]
  if name == 'since' then since = tonumber(all[i + 1])
  elseif name == 'seen' then seen = math.max(seen, tonumber(all[i + 1]))
  else
    local at = renewed[string.match(name, '^[^/]*')] or 0
    seen = math.max(seen, at)
    if now - at > lease then redis.call('HDEL', KEYS[1], name) end
  end
end
if not since then since = tonumber(ARGV[7]) elseif now - seen > gap then since = now end
redis.call('HSET', KEYS[1], 'since', since, 'seen', seen, ARGV[5], ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0`

// leaveScript takes a connection out of a user: ARGV is the time, how long to keep
// the key of somebody who is gone, and the field.
const leaveScript = `
if redis.call('HDEL', KEYS[1], ARGV[3]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'seen', ARGV[1])
if redis.call('HLEN', KEYS[1]) <= 2 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`

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
