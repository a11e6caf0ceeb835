package app

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	"parley/pkg/metrics"
	"parley/pkg/ops"
	"parley/pkg/redisx"
	"parley/pkg/rpc"
)

var buildInfo = metrics.NewGaugeVec("parley_build_info", "1, with the version of Parley and of Go that it was built with.", "version", "go_version")

// operations is the operations port of a process, or none.
type operations struct{ server *ops.Server }

// openOperations opens the operations port before anything else is started, so that
// a process which waits for its database can say so.
func openOperations(c OpsConfig) (operations, error) {
	buildInfo.WithLabelValues(Version, runtime.Version()).Set(1)
	if c.Listen == "" {
		return operations{}, nil
	}
	server, err := ops.Listen(ops.Config{Listen: c.Listen, Pprof: c.Pprof, Log: &level})
	if err != nil {
		return operations{}, err
	}
	logx.Infof("the operations port is %s", server.Addr())
	return operations{server}, nil
}

// started says what the process works with.
func (o operations) started(a *App) {
	if o.server != nil {
		o.server.Started(a.checks()...)
	}
}

// stopping says that the process is going to stop, and returns when whoever sends it
// traffic has had the time to notice, or when the process fails.
func (o operations) stopping(delay time.Duration, failed <-chan error) error {
	if o.server != nil {
		o.server.Stopping()
	}
	if delay == 0 {
		return nil
	}
	logx.Infof("told to stop, but going on for %s, until nobody sends traffic any more", delay)
	select {
	case <-time.After(delay):
		return nil
	case err := <-failed:
		return err
	}
}

func (o operations) close() {
	if o.server == nil {
		return
	}
	if err := o.server.Close(); err != nil {
		logx.Errorf("close the operations port: %v", err)
	}
}

// checks returns what the process works with. Only the database is needed, and only
// where a service is: without it everything fails that a service could do, and another
// process may reach it. The socket gateway keeps its sockets open over such an outage,
// and who comes in meanwhile waits more calmly than who is turned away.
//
// Redis is not needed, because Parley works without it, more slowly. Nor is a
// service that a gateway calls. When it is down it is so for all gateways, which
// would all be out of traffic at once: people would get the error page of whatever
// stands in front of them instead of the answers that apps understand, and nothing
// at all of what the other services can still do.
func (a *App) checks() []ops.Check {
	var checks []ops.Check
	if a.db != nil {
		checks = append(checks, ops.Check{Name: "database", Needed: a.offersService(), Ask: a.db.Ping})
	}
	if a.redis != nil {
		checks = append(checks, ops.Check{Name: "redis", Ask: func(ctx context.Context) error { return redisx.Ping(ctx, a.redis) }})
	}
	for _, service := range []struct {
		name   string
		client *rpc.Client
	}{{"record-rpc", a.recordClient}, {"group-rpc", a.groupClient}, {"call-rpc", a.callClient}, {"oss-rpc", a.ossClient}} {
		if client := service.client; client != nil && client.Remote() {
			checks = append(checks, ops.Check{Name: service.name, Ask: func(ctx context.Context) error {
				if err := client.Ready(ctx); err != nil {
					return fmt.Errorf("reach %s: %w", service.name, err)
				}
				return nil
			}})
		}
	}
	return checks
}

// offersService reports whether a service is in this process.
func (a *App) offersService() bool {
	return a.record != nil || a.groups != nil || a.calls != nil || a.storage != nil
}
