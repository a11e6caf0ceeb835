package app

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"parley/api"
	callv1 "parley/api/proto/call/v1"
	groupv1 "parley/api/proto/group/v1"
	recordv1 "parley/api/proto/record/v1"
	"parley/app/call"
	callredis "parley/app/call/redis"
	callrpc "parley/app/call/rpc"
	"parley/app/connect"
	appgateway "parley/app/gateway"
	"parley/app/presence"
	"parley/group"
	groupgateway "parley/group/gateway"
	grouprpc "parley/group/rpc"
	groupstore "parley/group/store"
	"parley/pkg/await"
	"parley/pkg/eventlog"
	"parley/pkg/gateway"
	"parley/pkg/launch"
	"parley/pkg/redisx"
	"parley/pkg/rpc"
	"parley/pkg/sqldb"
	"parley/record"
	"parley/record/device"
	recordrpc "parley/record/rpc"
	"parley/record/sender"
	recordstore "parley/record/store"
)

// modules returns every part that a process could have. Parts without a port
// are no targets: they start because somebody needs them.
func (a *App) modules() []launch.Module {
	return []launch.Module{
		{Name: "folder", Start: a.startFolder},
		{Name: "database", Needs: a.needsFolder(), Start: a.startDatabase},
		{Name: "redis", Start: a.startRedis},
		{Name: "registry", Start: a.startRegistry},

		{Name: "log", Needs: []string{"database", "redis"}, Start: a.startLog},

		{Name: "record-service", Needs: []string{"log", "redis"}, Start: a.startRecordService},
		{Name: "record-rpc", Needs: []string{"record-service", "registry"}, Start: a.startRecordRPC},
		{Name: "record-client", Needs: a.needsService("record"), Start: a.startRecordClient},
		{Name: "group-service", Needs: []string{"log"}, Start: a.startGroupService},
		{Name: "group-rpc", Needs: []string{"group-service", "registry"}, Start: a.startGroupRPC},
		{Name: "group-client", Needs: a.needsService("group"), Start: a.startGroupClient},
		{Name: "call-service", Needs: append([]string{"log", "redis", "group-client"}, a.needsFolder()...), Start: a.startCallService},
		{Name: "call-rpc", Needs: []string{"call-service", "registry"}, Start: a.startCallRPC},
		{Name: "call-client", Needs: a.needsService("call"), Start: a.startCallClient},

		{Name: "oss-service", Needs: append([]string{"database", "redis"}, a.needsFolder()...), Start: a.startOssService},
		{Name: "oss-rpc", Needs: []string{"oss-service", "registry"}, Start: a.startOssRPC},
		{Name: "oss-client", Needs: a.needsService("oss"), Start: a.startOssClient},

		{Name: "limits", Needs: []string{"redis"}, Start: a.startLimits},
		{Name: "app-routes", Needs: a.needsLimits("record-client", "call-client"), Start: a.startAppRoutes},
		{Name: "group-routes", Needs: a.needsLimits("group-client"), Start: a.startGroupRoutes},
		{Name: "oss-routes", Needs: a.needsLimits("oss-client"), Start: a.startOssRoutes},

		{Name: "sockets", Needs: a.needsLimits("log", "redis", "record-client"), Start: a.startSockets},

		{Name: "app", Needs: a.needsSockets("app-routes"), Start: a.startPort("app", a.config.App)},
		{Name: "connect", Needs: []string{"sockets"}, Start: a.startConnect},
		{Name: "group", Needs: []string{"group-routes"}, Start: a.startPort("group", a.config.Group)},
		{Name: "oss", Needs: []string{"oss-routes"}, Start: a.startPort("oss", a.config.Oss.GatewayConfig)},
		{Name: "all-routes", Needs: []string{"app-routes", "group-routes", "oss-routes", "sockets"}, Start: a.startAllRoutes},
	}
}

// roots returns the modules that the targets stand for. The target all has no
// ports for calls: whoever would call is in the same process.
func (a *App) roots() []string {
	switch {
	case a.options.Listen != "":
		return []string{"all-routes"}
	case a.all():
		return []string{"all-routes", "group", "oss", "connect"}
	default:
		return a.options.Targets
	}
}

// needsFolder: a database server keeps nothing in the data folder.
func (a *App) needsFolder() []string {
	if a.hasServer() {
		return nil
	}
	return []string{"folder"}
}

// hasServer reports whether the database is not the one in the data folder.
func (a *App) hasServer() bool {
	return a.options.Backends.DB != nil || a.config.Database.DSN != ""
}

// needsService: a service is called in this process if it is there.
func (a *App) needsService(name string) []string {
	if a.all() || slices.Contains(a.options.Targets, name+"-rpc") {
		return []string{name + "-service"}
	}
	return []string{"registry"}
}

func (a *App) startDatabase(ctx context.Context) (launch.Stop, error) {
	if a.db != nil {
		return nil, nil
	}
	db, err := openDatabase(ctx, a.config)
	if err != nil {
		return nil, err
	}
	if err := sqldb.Migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	a.db = db
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { a.watchForImport(ctx, db) })
	return func(context.Context) error {
		stop()
		watching.Wait()
		return db.Close()
	}, nil
}

func openDatabase(ctx context.Context, config Config) (*sqldb.DB, error) {
	return sqldb.Open(ctx, config.Database, databaseFile(config))
}

// databaseFile is where the embedded database is.
func databaseFile(config Config) string { return filepath.Join(config.Data, "parley.db") }

func (a *App) startRedis(ctx context.Context) (launch.Stop, error) {
	if a.redis != nil {
		return nil, nil
	}
	client, err := redisx.Open(ctx, a.config.Redis)
	if err != nil {
		return nil, err
	}
	a.redis = client
	return func(context.Context) error { return redisx.Close(client) }, nil
}

// startRegistry opens the registry, if there is one, and waits for it.
func (a *App) startRegistry(ctx context.Context) (launch.Stop, error) {
	if len(a.config.Registry.Hosts) == 0 {
		return nil, nil
	}
	config, err := a.config.Registry.registry()
	if err != nil {
		return nil, err
	}
	server := await.Server{Name: "etcd at " + strings.Join(config.Hosts, ", "), Key: "Registry.Hosts", Timeout: a.config.Rpc.StartTimeout}
	err = await.For(ctx, server, func(ctx context.Context) error {
		if a.registry, err = rpc.OpenRegistry(config); err != nil { // with a password, which it is asked for
			return err
		}
		if err := a.registry.Ready(ctx); err != nil {
			return errors.Join(err, a.registry.Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func(context.Context) error { return a.registry.Close() }, nil
}

func (a *App) startLog(context.Context) (launch.Stop, error) {
	var options []eventlog.Option
	if !a.all() || a.db.Dialect != sqldb.SQLite {
		options = append(options, eventlog.WithStream(a.redis))
	}
	a.log = eventlog.Open(a.db, options...)
	return a.log.Close, nil
}

// needsSockets is what the app gateway needs, which answers at /sub unless the
// socket gateway runs apart.
func (a *App) needsSockets(routes string) []string {
	if a.config.Connect.WithApp {
		return []string{routes, "sockets"}
	}
	return []string{routes}
}

func (a *App) startSockets(ctx context.Context) (launch.Stop, error) {
	config := a.config.Connect.connect()
	config.Proxies = a.config.proxies()
	gateway, err := connect.New(ctx, config, connect.Services{
		Verifier: a.verifier, Sender: a.sender, Devices: recordv1.NewDeviceServiceClient(a.recordClient), Log: a.log, Redis: a.redis,
		Addresses: a.addressRate, Budget: a.budget,
	})
	if err != nil {
		return nil, err
	}
	a.sockets = gateway
	return gateway.Stop, nil
}

// startConnect serves the sockets alone: what else it is asked is answered as by
// a gateway without routes.
func (a *App) startConnect(context.Context) (launch.Stop, error) {
	config := a.config.App
	config.Listen = a.config.Connect.Listen
	g, err := gateway.New(a.gateway("connect", config), a.verifier, a.options.AccessLog)
	if err != nil {
		return nil, err
	}
	if err := g.Public(http.MethodGet, "/openapi.json", http.HandlerFunc(api.ServeOpenAPI)); err != nil {
		return nil, err
	}
	handler, err := g.Handler()
	if err != nil {
		return nil, err
	}
	stop, err := a.serve("connect", config, a.withSockets(a.sockets, handler))
	if err != nil {
		handler.Close()
		return nil, err
	}
	return func(ctx context.Context) error {
		defer handler.Close()
		return stop(ctx)
	}, nil
}

func (a *App) startRecordService(context.Context) (launch.Stop, error) {
	a.record = rpc.NewServer("record-rpc")
	recordv1.RegisterRecordServiceServer(a.record, recordrpc.New(record.New(a.log, recordstore.Store{}, a.config.record())))
	recordv1.RegisterDeviceServiceServer(a.record, recordrpc.NewDevice(device.New(a.log, recordstore.NewDevices(a.db), a.config.Record.device())))
	return nil, nil
}

func (a *App) startGroupService(context.Context) (launch.Stop, error) {
	a.groups = rpc.NewServer("group-rpc")
	groupv1.RegisterGroupServiceServer(a.groups, grouprpc.New(group.New(a.log, groupstore.New(a.db), a.config.GroupService.group())))
	return nil, nil
}

func (a *App) startCallService(context.Context) (launch.Stop, error) {
	tickets, err := a.issuer()
	if err != nil {
		return nil, err
	}
	service := call.NewService(a.config.Call.call(), callredis.New(a.redis, a.config.Call.Keep), a.log,
		callrpc.Members{Groups: groupv1.NewGroupServiceClient(a.groupClient)},
		callrpc.Presence{Reader: presence.NewReader(a.redis)}, tickets)
	service.Observe(callrpc.Metrics{})
	a.calls = rpc.NewServer("call-rpc")
	callv1.RegisterCallServiceServer(a.calls, callrpc.New(service))
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		service.Keep(ctx)
	}()
	return func(context.Context) error {
		cancel()
		<-stopped
		return nil
	}, nil
}

func (a *App) startCallRPC(context.Context) (launch.Stop, error) {
	return a.listen("call-rpc", a.calls, a.config.Call.ServiceConfig)
}

func (a *App) startCallClient(ctx context.Context) (launch.Stop, error) {
	client, err := a.connect(ctx, a.calls, "call-rpc", "Call.Endpoints", a.config.Call.Endpoints, "127.0.0.1:9003", a.config.Rpc.Timeout)
	if err != nil {
		return nil, err
	}
	a.callClient = client
	return func(context.Context) error { return client.Close() }, nil
}

func (a *App) startRecordRPC(context.Context) (launch.Stop, error) {
	return a.listen("record-rpc", a.record, a.config.Record.ServiceConfig)
}

func (a *App) startGroupRPC(context.Context) (launch.Stop, error) {
	return a.listen("group-rpc", a.groups, a.config.GroupService.ServiceConfig)
}

// listen offers a service to other processes.
func (a *App) listen(target string, server *rpc.Server, config ServiceConfig) (launch.Stop, error) {
	if err := server.Listen(rpc.ServerConfig{
		Listen: config.Listen, Advertise: config.Advertise, Registry: a.registry,
	}, a.fail); err != nil {
		return nil, err
	}
	a.addresses[target] = server.Addr()
	return server.Stop, nil
}

func (a *App) startGroupClient(ctx context.Context) (launch.Stop, error) {
	client, err := a.connect(ctx, a.groups, "group-rpc", "GroupService.Endpoints", a.config.GroupService.Endpoints, "127.0.0.1:9002", a.config.Rpc.Timeout)
	if err != nil {
		return nil, err
	}
	a.groupClient = client
	return func(context.Context) error { return client.Close() }, nil
}

func (a *App) startRecordClient(ctx context.Context) (launch.Stop, error) {
	client, err := a.connect(ctx, a.record, "record-rpc", "Record.Endpoints", a.config.Record.Endpoints, "127.0.0.1:9001", a.config.Rpc.Timeout)
	if err != nil {
		return nil, err
	}
	a.recordClient = client
	a.sender = sender.New(recordv1.NewRecordServiceClient(client))
	return func(context.Context) error {
		a.sender.Close()
		return client.Close()
	}, nil
}

// connect returns a client of a service: of the server in this process, or of
// those at the endpoints, of which it waits for one to answer. Where neither
// endpoints nor a registry are configured it is the one at unconfigured. A call may
// take as long as timeout.
func (a *App) connect(ctx context.Context, local *rpc.Server, service, key string, endpoints []string, unconfigured string, timeout time.Duration) (*rpc.Client, error) {
	if local != nil {
		return local.Local(timeout), nil
	}
	if len(endpoints) == 0 && a.registry == nil {
		endpoints = []string{unconfigured}
	}
	client, err := rpc.Dial(rpc.ClientConfig{
		Service: service, Endpoints: endpoints, Registry: a.registry, Timeout: timeout,
	})
	if err != nil {
		return nil, err
	}
	err = await.For(ctx, await.Server{Name: service, Key: key, Timeout: a.config.Rpc.StartTimeout}, client.Ready)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// maxPages bounds the bytes of sync-record's pages in memory: the largest page
// that can be asked for, four times over, has 240 MB.
const maxPages = 256 << 20

func (a *App) startAppRoutes(context.Context) (launch.Stop, error) {
	routes, err := appgateway.New(a.gateway("app", a.config.App), a.verifier, a.options.AccessLog, &appgateway.Services{
		Records: recordv1.NewRecordServiceClient(a.recordClient),
		Devices: recordv1.NewDeviceServiceClient(a.recordClient),
		Calls:   callv1.NewCallServiceClient(a.callClient),
		Pages:   semaphore.NewWeighted(maxPages),
		Sender:  a.sender,
	})
	return a.addGateway("app", routes, err)
}

func (a *App) startGroupRoutes(context.Context) (launch.Stop, error) {
	routes, err := groupgateway.New(a.gateway("group", a.config.Group), a.verifier, a.options.AccessLog, &groupgateway.Services{
		Groups: groupv1.NewGroupServiceClient(a.groupClient),
	})
	return a.addGateway("group", routes, err)
}

// addGateway ends the start of a gateway that has no port yet.
func (a *App) addGateway(name string, routes *gateway.Handler, err error) (launch.Stop, error) {
	if err != nil {
		return nil, err
	}
	a.gateways[name] = routes
	return func(context.Context) error {
		routes.Close()
		return nil
	}, nil
}

// startPort is the start of a module that serves one gateway on its own port.
func (a *App) startPort(name string, g GatewayConfig) func(context.Context) (launch.Stop, error) {
	return func(context.Context) (launch.Stop, error) {
		routes := a.gateways[name]
		if name == "app" && a.config.Connect.WithApp {
			routes = a.withSockets(a.sockets, routes)
		}
		return a.serve(name, g, routes)
	}
}

// startAllRoutes serves all gateways on the port of the app gateway, or on the
// one that the process was given.
func (a *App) startAllRoutes(context.Context) (launch.Stop, error) {
	g := largest(a.config.App, a.config.Group, a.config.Oss.GatewayConfig)
	if a.options.Listen != "" {
		g.Listen = a.options.Listen
	}
	routes := a.withSockets(a.sockets, byPrefix(a.gateways["app"], a.gateways["group"], a.gateways["oss"]))
	return a.serve("app", g, routes)
}
