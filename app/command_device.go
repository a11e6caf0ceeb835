package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/go-redis/redis/v8"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/presence"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/redisx"
	"parley/pkg/sqldb"
	"parley/record/device"
	recordstore "parley/record/store"
)

// device shows an operator the devices of a user: how far each has confirmed the
// log, and whether it is connected.
func (c *command) device(ctx context.Context) error {
	if c.verb("") != "list" {
		return fmt.Errorf("device takes list: %w", errUsage)
	}
	u := id.UID(c.verb(""))
	if !u.Valid() {
		return fmt.Errorf("device list takes a uid, and got %q: %w", u, errUsage)
	}
	config, err := c.load(newSettings("device list", false))
	if err != nil {
		return err
	}
	if err := setUpProcess(config); err != nil {
		return err
	}
	return withLog(ctx, config, func(db *sqldb.DB, log *eventlog.Log) error {
		devices, err := recordstore.NewDevices(db).Of(ctx, u)
		if err != nil {
			return fmt.Errorf("list the devices of %s: %w", u, err)
		}
		head, err := log.Head(ctx)
		if err != nil {
			return err
		}
		if len(config.Redis.Addrs) == 0 {
			return c.printDevices(devices, head, nil, "Redis is inside the process that runs Parley")
		}
		connected, err := connections(ctx, config.Redis, u)
		if err != nil {
			fmt.Fprintf(c.err, "find out who is connected: %v\n", err)
		}
		return c.printDevices(devices, head, connected, "Redis does not answer")
	})
}

// redisWithin bounds asking Redis, without which there is enough to show.
const redisWithin = 2 * time.Second

// connections returns since when which devices of a user are connected.
func connections(ctx context.Context, config redisx.Config, u id.UID) (map[deviceID]time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, redisWithin)
	defer cancel()
	config.StartTimeout = redisWithin
	client, err := redisx.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	defer redisx.Close(client)
	return connectionsIn(ctx, client, u)
}

func connectionsIn(ctx context.Context, client redis.UniversalClient, u id.UID) (map[deviceID]time.Time, error) {
	p, err := presence.NewReader(client).Of(ctx, u)
	if err != nil {
		return nil, err
	}
	connected := make(map[deviceID]time.Time)
	for _, c := range p.Connections {
		connected[deviceID{c.Device, c.UUID}] = c.Since
	}
	return connected, nil
}

// deviceID tells the devices of one user apart.
type deviceID struct {
	kind wirev1.Device
	uuid string
}

// printDevices prints devices, the one that came in last first. Their names and
// push tokens are none of an operator's business. Where connected is nil, whyNot
// says why.
func (c *command) printDevices(devices []device.Device, head eventlog.Position, connected map[deviceID]time.Time, whyNot string) error {
	slices.SortFunc(devices, func(a, b device.Device) int { return cmp.Compare(b.At, a.At) })
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "type\tuuid\tcame in\tconfirmed\tconnected since")
	for _, d := range devices {
		since := "unknown: " + whyNot
		if connected != nil {
			since = "-"
			if at, is := connected[deviceID{d.Type, d.UUID}]; is {
				since = at.UTC().Format(time.DateTime)
			}
		}
		fmt.Fprintf(w, "%s\t%q\t%s\t%d of %d\t%s\n",
			device.TypeName(d.Type), d.UUID, time.UnixMilli(d.At).UTC().Format(time.DateTime), d.Cursor, head, since)
	}
	return w.Flush()
}
