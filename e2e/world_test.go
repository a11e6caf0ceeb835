// Package e2e tests Parley through its public surface, as apps use it: over
// HTTP, with real keys and tokens, in one process and split into services.
package e2e

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/go-redis/redis/v8"

	"parley/app"
	"parley/oss"
	"parley/pkg/eventlog"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

// world is a running Parley and the people who use it.
type world struct {
	t    testing.TB
	site site
	db   *sqldb.DB
	// log lets a test do what no route does.
	log *eventlog.Log
	// redis is that of the services, where they share one.
	redis redis.UniversalClient
}

// everywhere runs a scenario in every form in which Parley runs: all services
// in one process, where calls stay inside it, and every service for itself,
// where they go through zrpc over loopback. By make test-twice it runs it with two of
// every service instead.
func everywhere(t *testing.T, scenario func(*testing.T, *world)) {
	everywhereWith(t, app.Default(), scenario)
}

// forms returns the forms in which Parley runs.
func forms() map[string]func(testing.TB, app.Config, app.Backends) site {
	if os.Getenv(envTwice) != "" {
		return map[string]func(testing.TB, app.Config, app.Backends) site{"twice": startTwice}
	}
	return map[string]func(testing.TB, app.Config, app.Backends) site{"one process": startTogether, "split": startSplit}
}

// everywhereWith is everywhere with a configuration. Subtests of a scenario are not
// parallel: they would come behind all tests that wait, and the world with all its servers
// would be kept for them.
func everywhereWith(t *testing.T, config app.Config, scenario func(*testing.T, *world)) {
	t.Parallel()
	config.Call.AppID, config.Call.Secret = callApp, callSecret
	for name, start := range forms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := app.Backends{DB: sqldbtest.New(t), Redis: redistest.New(t)}
			w := newWorld(t, start(t, config, b), b.DB)
			w.redis = b.Redis
			scenario(t, w)
		})
	}
}

// atOneGateway is everywhereWith for what each gateway limits by itself.
func atOneGateway(t *testing.T, config app.Config, scenario func(*testing.T, *world)) {
	if os.Getenv(envTwice) != "" {
		t.Skip("there are two gateways")
	}
	everywhereWith(t, config, scenario)
}

// callApp and callSecret are those of the tickets of calls.
const (
	callApp    = 1400000001
	callSecret = "a secret that only tests know"
)

// anyPort is an address of this machine whose port the system chooses.
const anyPort = "127.0.0.1:0"

// storing gives a configuration folders of its own, and an app that stores objects
// unless it has one.
func storing(t testing.TB, config app.Config) app.Config {
	config.Data, config.Oss.Scratch = t.TempDir(), t.TempDir()
	if len(config.OssService.Apps) == 0 {
		config.OssService.Apps = []app.OssAppConfig{{AppID: "dtalk", Providers: []app.OssProviderConfig{{Type: oss.Local}}}}
	}
	return config
}

// startTogether runs all services in one App, on one address.
func startTogether(t testing.TB, config app.Config, backends app.Backends) site {
	t.Helper()
	all := startApp(t, storing(t, config), app.Options{Listen: anyPort, Backends: backends})
	return oneAddress(all.URL())
}

// startSplit runs every target in an App of its own.
func startSplit(t testing.TB, config app.Config, backends app.Backends) site {
	t.Helper()
	p := newSplit(t, config, backends)
	sockets, _ := p.connect(anyPort)
	p.site.connect = "http://" + sockets.Address("connect")
	return p.site
}

// split is Parley with every target in an App of its own, but for the socket
// gateways.
type split struct {
	t        testing.TB
	config   app.Config
	backends app.Backends
	site     site
}

func newSplit(t testing.TB, config app.Config, backends app.Backends) *split {
	t.Helper()
	p := &split{t: t, config: apart(storing(t, config)), backends: backends}
	p.config.Record.Endpoints = []string{p.start("record-rpc").Address("record-rpc")}
	p.config.GroupService.Endpoints = []string{p.start("group-rpc").Address("group-rpc")}
	p.config.Call.Endpoints = []string{p.start("call-rpc").Address("call-rpc")}
	p.config.OssService.Endpoints = []string{p.start("oss-rpc").Address("oss-rpc")}
	p.site = site{app: p.start("app").URL(), group: p.start("group").URL(), oss: p.start("oss").URL()}
	return p
}

// apart gives a configuration with ports for every target in an App of its own.
func apart(config app.Config) app.Config {
	config.App.Listen, config.Group.Listen, config.Oss.Listen = anyPort, anyPort, anyPort
	config.Record.Listen, config.GroupService.Listen, config.Call.Listen = anyPort, anyPort, anyPort
	config.OssService.Listen = anyPort
	config.Connect.WithApp = false
	return config
}

// start starts a target.
func (p *split) start(target string) *app.App {
	p.t.Helper()
	return startApp(p.t, p.config, app.Options{Targets: []string{target}, Backends: p.backends})
}

// connect starts a socket gateway at an address.
func (p *split) connect(addr string) (a *app.App, stop func()) {
	p.t.Helper()
	config := p.config
	config.Connect.Listen = addr
	return runApp(p.t, config, app.Options{Targets: []string{"connect"}, Backends: p.backends})
}

func startApp(t testing.TB, config app.Config, options app.Options) *app.App {
	t.Helper()
	a, _ := runApp(t, config, options)
	return a
}

// runApp starts an App that may be stopped before the test ends.
func runApp(t testing.TB, config app.Config, options app.Options) (a *app.App, stop func()) {
	t.Helper()
	a, err := app.Start(t.Context(), config, options)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(stop)
	return a, stop
}

func newWorld(t testing.TB, s site, db *sqldb.DB) *world {
	log := eventlog.Open(db)
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &world{t: t, site: s, db: db, log: log}
}

// in returns the world for a subtest, which fails in its stead.
func (w *world) in(t testing.TB) *world {
	inner := *w
	inner.t = t
	return &inner
}

// user returns the app of a new user.
func (w *world) user() *client {
	w.t.Helper()
	return newUser(w.t, w.site)
}
