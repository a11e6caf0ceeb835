// Package presence knows who is connected. The gateways that hold sockets say so
// in Redis, and each of them renews one lease for all of its connections: when a
// gateway dies, they are gone with its lease. Nothing here is the only copy of
// anything: gateways say it again to a Redis that lost it.
//
// A user is a hash with a field for each of his connections, in which a gateway
// that died leaves fields behind; whoever reads them knows from its lease that
// they mean nothing. The leases of all gateways are one small hash, with the time
// of the last renewal on the clock of the Redis that has it. So no two clocks are
// ever compared.
package presence

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-redis/redis/v8"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
)

const (
	// Lease is how long the connections of a gateway count that says nothing.
	Lease = 6 * time.Second
	// MaxGap is how long somebody may be without a connection and still count as
	// connected without a break.
	MaxGap = 30 * time.Second

	// gateways is the key of the leases. The keys of users are used one at a
	// time and apart from it, so all this works on a cluster.
	gateways   = "parley:presence:gateways"
	userPrefix = "parley:presence:user:"
)

// Connection is one socket of a user.
type Connection struct {
	User id.UID
	// Device and UUID are those of Auth; a socket may have none.
	Device wirev1.Device
	UUID   string
	// Since is when it was let in.
	Since time.Time
}

// Presence is what is known of a user at one moment.
type Presence struct {
	// Connections are those of gateways whose leases hold.
	Connections []Connection
	// since is from when on he was connected without a gap over MaxGap.
	since time.Time
	// seen is when he was connected last, now when he is.
	seen time.Time
	now  time.Time
}

// Online reports whether the user has a connection.
func (p *Presence) Online() bool { return len(p.Connections) > 0 }

// Steady reports whether the user has been connected from t on, but for gaps of
// up to MaxGap.
func (p *Presence) Steady(t time.Time) bool {
	return !p.since.IsZero() && !p.since.After(t) && p.now.Sub(p.seen).Abs() <= MaxGap
}

// Reader tells who is connected.
type Reader struct{ redis redis.UniversalClient }

// NewReader returns a Reader of what gateways say in a Redis.
func NewReader(client redis.UniversalClient) *Reader { return &Reader{client} }

// Of returns the presence of a user.
func (r *Reader) Of(ctx context.Context, u id.UID) (*Presence, error) {
	leases, err := readLeases(leasesScript.Run(ctx, r.redis, []string{gateways}))
	if err != nil {
		return nil, fmt.Errorf("read the leases of gateways: %w", err)
	}
	fields, err := r.redis.HGetAll(ctx, userPrefix+string(u)).Result()
	if err != nil {
		return nil, fmt.Errorf("read who is connected: %w", err)
	}
	return assess(u, fields, leases), nil
}

// leases are when gateways renewed theirs last, and the time when that was read,
// in milliseconds of the clock of Redis.
type leases struct {
	now     int64
	renewed map[string]int64
}

// hold reports whether a gateway is there. A lease from the future is one from
// before Redis moved to a machine whose clock is behind: unless that is little,
// it says nothing until a gateway renews its own and corrects the others.
func (l *leases) hold(gateway string) bool {
	renewed, known := l.renewed[gateway]
	return known && max(l.now-renewed, renewed-l.now) <= Lease.Milliseconds()
}

// The fields of a user that are no connections. A connection's field is the name
// of its gateway, a slash and a number.
const (
	sinceField = "since"
	seenField  = "seen"
)

// assess judges the fields of a user.
func assess(u id.UID, fields map[string]string, leases *leases) *Presence {
	p := &Presence{now: time.UnixMilli(leases.now)}
	var seen int64
	for name, value := range fields {
		switch name {
		case sinceField:
			p.since = time.UnixMilli(number(value))
		case seenField:
			seen = max(seen, number(value))
		default:
			gateway, _, _ := strings.Cut(name, "/")
			if leases.hold(gateway) {
				p.Connections = append(p.Connections, parse(u, value))
				seen = leases.now
			} else {
				seen = max(seen, leases.renewed[gateway])
			}
		}
	}
	p.seen = time.UnixMilli(seen)
	return p
}

// number is 0 for what is none: that never was.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// value is a connection as its field has it: since when, on the clock of the
// leases, and on which device.
func (c *Connection) value(since int64) string {
	return fmt.Sprintf("%d %d %s", since, c.Device, c.UUID)
}

func parse(u id.UID, value string) Connection {
	since, rest, _ := strings.Cut(value, " ")
	kind, uuid, _ := strings.Cut(rest, " ")
	return Connection{User: u, Device: wirev1.Device(number(kind)), UUID: uuid, Since: time.UnixMilli(number(since))}
}
