package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley/e2e/servers/fixture"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
)

// fleet is an installation as in production: every target in two processes, which find
// each other through etcd, with nginx in front, on MariaDB and a Redis of its own. Each of
// them may be stopped, killed, frozen and started again by its name.
type fleet struct {
	t testing.TB
	// db is the database of the services.
	db      sqldb.Config
	etcd    *fixture.Etcd
	redis   *fixture.Redis
	nginx   *fixture.Nginx
	members []*member
	// site is nginx.
	site site
}

// member is one process of a fleet.
type member struct {
	*process
	// name is target/number, as in record-rpc/1.
	name, target string
	// addr is where it listens.
	addr string
}

// fleetTargets are the targets in the order in which they are started: callers wait for
// what they call.
var fleetTargets = []string{"record-rpc", "group-rpc", "call-rpc", "oss-rpc", "connect", "app", "group", "oss"}

// listenKey names the key with the address of a target.
var listenKey = map[string]string{
	"record-rpc": "RECORD", "group-rpc": "GROUPSERVICE", "call-rpc": "CALL", "oss-rpc": "OSSSERVICE",
	"connect": "CONNECT", "app": "APP", "group": "GROUP", "oss": "OSS",
}

// startFleet starts a fleet, with more in the environment of all processes.
func startFleet(t testing.TB, more ...string) *fleet {
	t.Helper()
	needServers(t)
	db, _ := sqldbtest.Server(t)
	return startFleetOn(t, db, ownRedis(t), more...)
}

// startFleetOn is startFleet on a database and a Redis.
func startFleetOn(t testing.TB, db sqldb.Config, redis *fixture.Redis, more ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, db: db, redis: redis, etcd: ownEtcd(t)}
	data := t.TempDir() // with the objects, which both oss gateways serve
	env := slices.Concat([]string{
		"PARLEY_DATABASE_DSN=" + f.db.DSN,
		// Two pools of sixteen each for sixteen processes are more than a small server takes.
		"PARLEY_DATABASE_MAXCONNS=6",
		"PARLEY_REDIS_ADDRS=" + f.redis.Addr,
		"PARLEY_REGISTRY_HOSTS=" + f.etcd.Addr,
		"PARLEY_CONNECT_WITHAPP=false",
		storesLocally, fmt.Sprint("PARLEY_CALL_APPID=", callApp), "PARLEY_CALL_SECRET=" + callSecret,
	}, more)
	for _, target := range fleetTargets {
		for i := range 2 {
			m := &member{name: fmt.Sprint(target, "/", i), target: target, addr: freeAddr(t)}
			own := append(slices.Clone(env), "PARLEY_"+listenKey[target]+"_LISTEN="+m.addr)
			m.process = newService(t, own, "-target", target, "-data", data)
			f.members = append(f.members, m)
			m.run()
		}
	}
	for _, m := range f.members {
		m.awaitReady(1)
	}
	nginx, err := fixture.StartNginx(t.Context(), f.addrs())
	must(t, err)
	f.nginx = nginx
	t.Cleanup(func() { must(t, nginx.Stop()) })
	f.site = oneAddress("http://" + nginx.Addr)
	return f
}

// ownEtcd starts an etcd that the test may kill.
func ownEtcd(t testing.TB) *fixture.Etcd {
	t.Helper()
	e, err := fixture.StartEtcd(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, e.Stop()) })
	return e
}

// addrs are the addresses of the gateways by their targets.
func (f *fleet) addrs() map[string][]string {
	addrs := make(map[string][]string)
	for _, m := range f.members {
		if !strings.HasSuffix(m.target, "-rpc") {
			addrs[m.target] = append(addrs[m.target], m.addr)
		}
	}
	return addrs
}

// direct are the gateways without nginx, the first ones and the second ones.
func (f *fleet) direct() []site {
	sites := make([]site, 2)
	for i := range sites {
		url := func(target string) string { return "http://" + f.addrs()[target][i] }
		sites[i] = site{app: url("app"), group: url("group"), oss: url("oss"), connect: url("connect")}
	}
	return sites
}

// member returns a process by its name.
func (f *fleet) member(name string) *member {
	f.t.Helper()
	i := slices.IndexFunc(f.members, func(m *member) bool { return m.name == name })
	if i < 0 {
		f.t.Fatalf("there is no %s in the fleet", name)
	}
	return f.members[i]
}

// stop stops a process in order.
func (m *member) stop() {
	m.t.Helper()
	m.signal(syscall.SIGTERM)
	if code := m.exit(); code != 0 {
		m.t.Errorf("%s ends with exit code %d, want 0", m.name, code)
	}
}

// begin starts a process that was stopped or killed, and returns when it is ready.
func (m *member) begin() {
	m.t.Helper()
	starts := m.log.count(isReady)
	m.run()
	m.awaitReady(starts + 1)
}

// restart replaces a process by a new one, in order.
func (m *member) restart() {
	m.t.Helper()
	m.stop()
	m.begin()
}

// freeze stops a process where it is: it accepts connections and says nothing, until thaw.
func (m *member) freeze() { m.t.Helper(); m.signal(syscall.SIGSTOP) }

func (m *member) thaw() { m.t.Helper(); m.signal(syscall.SIGCONT) }

// isReady is what a process says when it answers.
const isReady = " is ready after "

// awaitReady waits until a process has become ready so many times.
func (m *member) awaitReady(times int) {
	m.t.Helper()
	until(m.t, func() bool {
		select {
		case <-m.exited:
			m.t.Fatalf("%s ended while it started", m.name)
		default:
		}
		return m.log.count(isReady) >= times
	})
}
