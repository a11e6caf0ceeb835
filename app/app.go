// Package app puts Parley together: configuration, modules and commands. It is
// the one place that knows which service is in this process and which is not;
// main, the tests and the services know nothing of it.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/go-redis/redis/v8"

	"parley/app/connect"
	"parley/pkg/auth"
	"parley/pkg/connlimit"
	"parley/pkg/drain"
	"parley/pkg/eventlog"
	"parley/pkg/gateway"
	"parley/pkg/launch"
	"parley/pkg/rpc"
	"parley/pkg/sqldb"
	"parley/record/sender"
)

// Options are what a process is told beside its configuration.
type Options struct {
	// Targets is what the process is for; see Targets. Default: all.
	Targets []string
	// Listen serves every route on this host and port only, instead of those
	// in the configuration. For the target all.
	Listen string
	// Backends are used instead of those in the configuration.
	Backends Backends
	// AccessLog gets a line for every request. Default: none.
	AccessLog io.Writer
}

// Backends are a database, with its schema, and a Redis that others opened and
// will close. Tests share them between several Apps, which then are the parts of
// a split installation.
type Backends struct {
	DB    *sqldb.DB
	Redis redis.UniversalClient
}

// App is a running Parley: the targets of one process and what they need.
// Its fields are filled by the modules as they start.
type App struct {
	config    Config
	options   Options
	running   *launch.Running
	addresses map[string]string
	servers   []*drain.Server
	failed    chan error
	// leaving is set when the process was told to stop and still takes requests.
	leaving atomic.Bool

	verifier *auth.Verifier
	db       *sqldb.DB
	redis    redis.UniversalClient
	log      *eventlog.Log
	// registry is nil where none is configured.
	registry *rpc.Registry
	// record, groups, calls and storage are the services when they are in this process.
	record, groups, calls, storage *rpc.Server
	// The clients call the services, wherever they are.
	recordClient, groupClient, callClient, ossClient *rpc.Client
	sender                                           *sender.Sender
	sockets                                          *connect.Gateway
	gateways                                         map[string]http.Handler
	// users and addressRate are nil where nothing is limited.
	users, addressRate gateway.Limiter
	budget             *connlimit.Budget
}

// All is the target that stands for every other one.
const All = "all"

// Targets returns what a process may be told to be.
func Targets() []string {
	return []string{All, "app", "connect", "group", "oss", "record-rpc", "group-rpc", "call-rpc", "oss-rpc"}
}

// checkTargets reports a target that there is not.
func checkTargets(targets []string) error {
	for _, target := range targets {
		if !slices.Contains(Targets(), target) {
			return fmt.Errorf("there is no target %q; there are %s", target, strings.Join(Targets(), ", "))
		}
	}
	return nil
}

// Start starts the targets and returns when all of them answer.
func Start(ctx context.Context, config Config, options Options) (*App, error) {
	if len(options.Targets) == 0 {
		options.Targets = []string{All}
	}
	if options.AccessLog == nil {
		options.AccessLog = io.Discard
	}
	if err := checkTargets(options.Targets); err != nil {
		return nil, err
	}
	a := &App{
		config:    config,
		options:   options,
		addresses: make(map[string]string),
		failed:    make(chan error, 1),
		verifier:  config.Token.verifier(),
		db:        options.Backends.DB,
		redis:     options.Backends.Redis,
		gateways:  make(map[string]http.Handler),
	}
	if options.Listen != "" && !a.all() {
		return nil, errors.New("one address for every route is for the target all only; others have the key Listen")
	}
	var err error
	if a.budget, err = a.newBudget(); err != nil {
		return nil, err
	}
	set, err := launch.New(config.Stop.Grace, a.modules()...)
	if err != nil {
		return nil, err
	}
	if a.running, err = set.Start(ctx, a.roots()...); err != nil {
		return nil, err
	}
	return a, nil
}

// all reports whether everything is in this process.
func (a *App) all() bool { return slices.Contains(a.options.Targets, All) }

// fail says that a part of the process died.
func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default: // one reason to end is enough
	}
}

// Failed tells when a part of the process died at run time. The process is to
// end then.
func (a *App) Failed() <-chan error { return a.failed }

// Stop stops everything in order: first the ports are closed and what is in
// flight is finished, last the database is closed. All of it takes Stop.Grace at most.
func (a *App) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.config.Stop.Grace)
	defer cancel()
	return errors.Join(a.closePorts(ctx), a.running.Stop(ctx))
}

// Address returns where a target listens, or "" for one that does not.
func (a *App) Address(target string) string { return a.addresses[target] }

// URL returns where the app gateway answers or, without one in this process,
// the group or the oss gateway.
func (a *App) URL() string {
	for _, target := range []string{"app", "group", "oss"} {
		if address := a.Address(target); address != "" {
			return httpURL(address)
		}
	}
	return ""
}

// httpURL is a URL of this machine for a server that listens on address.
func httpURL(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		address = net.JoinHostPort("localhost", port)
	}
	return "http://" + address
}

// String lists what listens where.
func (a *App) String() string {
	var parts []string
	for _, target := range Targets() {
		if address := a.Address(target); strings.HasSuffix(target, "-rpc") && address != "" {
			parts = append(parts, target+" on "+address)
		} else if address != "" {
			parts = append(parts, target+" on "+httpURL(address))
		}
	}
	return strings.Join(parts, ", ")
}
