package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/e2e/servers/fixture"
	"parley/pkg/fault"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb/sqldbtest"
)

// The tests of this file need servers that speak MySQL's and Redis's protocols.

// needServers ends a test where there are none.
func needServers(t testing.TB) {
	t.Helper()
	if os.Getenv(sqldbtest.EnvMySQL) == "" || os.Getenv(redistest.EnvRedis) == "" {
		t.Skip("needs MariaDB and Redis; run with: go run ./e2e/servers -- go test ./e2e/")
	}
}

// onTiDB reports whether the database server of this run is a TiDB.
func onTiDB(t testing.TB) bool {
	t.Helper()
	if os.Getenv(sqldbtest.EnvMySQL) == "" {
		return false
	}
	var version string
	must(t, sqldbtest.New(t).ReaderSQL().QueryRow("SELECT VERSION()").Scan(&version))
	return strings.Contains(version, "TiDB")
}

// ownMariaDB starts a MariaDB that the test may kill.
func ownMariaDB(t testing.TB) *fixture.MariaDB {
	t.Helper()
	m, err := fixture.StartMariaDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// ownRedis starts a Redis that the test may kill, with options of redis-server.
func ownRedis(t testing.TB, options ...string) *fixture.Redis {
	t.Helper()
	r, err := fixture.StartRedis(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fast is how long the answer may take that the database is down.
const fast = 3 * time.Second

func TestADatabaseThatDiesIsMissedAndFoundAgain(t *testing.T) {
	needServers(t)
	t.Parallel()
	m := ownMariaDB(t)
	p := newProcess(t, []string{"PARLEY_DATABASE_DSN=" + m.DefaultDSN()}, "-data", t.TempDir())
	p.start()
	alice := newUser(t, p.site)
	slip := alice.send(text(string(alice.uid()), "a slip"))
	g := alice.create("friends").ID
	l := startLoad(t, 8, p.site)
	for range 2 {
		pause(t.Context(), moment())
		must(t, m.Kill())
		for name, ask := range map[string]func() *answer{
			"push":        func() *answer { return alice.push(text(string(alice.uid()), "hello?")) },
			"sync-record": func() *answer { return alice.post("/app/record/sync-record", map[string]any{"count": 10}) },
			"pri-chat-record": func() *answer {
				return alice.post("/app/record/pri-chat-record", map[string]any{"targetId": alice.uid(), "count": 10, "logId": ""})
			},
			"revoke":       func() *answer { return alice.revoke(slip.LogID) },
			"focus":        func() *answer { return alice.focus(slip.LogID) },
			"create-group": func() *answer { return alice.post("/group/app/create-group", fields{"name": "friends"}) },
			"group-list":   func() *answer { return alice.post("/group/app/group-list", fields{}) },
			"group-info":   func() *answer { return alice.ask("group-info", g, nil) },
			"avatar":       func() *answer { return alice.ask("avatar", g, fields{"avatar": "a"}) },
		} {
			began := time.Now()
			a := ask()
			if took := time.Since(began); a.Result != fault.Busy || took > fast {
				t.Errorf("without a database %s is answered after %s with %s", name, took, a.body)
			}
		}
		// What needs no database goes on.
		alice.post("/app/start-call", map[string]any{"invitees": []string{"bob"}, "RTCType": 1}).want(t, fault.Unsupported)
		must(t, m.Start(context.Background()))
		l.progress(p.site, 20)
	}
	l.verify(40)
	// The changes that failed have done nothing, or all of it.
	alice.ask("avatar", g, fields{"avatar": "a"}).want(t, fault.OK)
	avatars := 0
	for _, e := range alice.syncAll(slip.LogID, 1000) {
		if e.String() == "UPDATE_GROUP_AVATAR" {
			avatars++
		}
	}
	if avatars != 1 {
		t.Errorf("one avatar was set by %d events", avatars)
	}
	alice.revoke(slip.LogID).want(t, fault.OK)
	revokes := 0
	for _, e := range alice.syncAll(slip.LogID, 1000) {
		if e.String() == "REVOKE" {
			revokes++
		}
	}
	if revokes != 1 {
		t.Errorf("one message has %d revokes", revokes)
	}
}

// A server that hangs is worse than one that is gone: every wait for it has an
// end.
func TestADatabaseThatHangsIsNotWaitedForForEver(t *testing.T) {
	needServers(t)
	t.Parallel()
	m := ownMariaDB(t)
	p := newProcess(t, []string{"PARLEY_DATABASE_DSN=" + m.DefaultDSN(), "PARLEY_APP_DEADLINE=2s"}, "-data", t.TempDir())
	p.start()
	alice := newUser(t, p.site)
	l := startLoad(t, 4, p.site)
	l.progress(p.site, 10)
	must(t, m.Freeze())
	const deadline = 2 * time.Second
	for name, ask := range map[string]func() *answer{
		"push":        func() *answer { return alice.push(text(string(alice.uid()), "hello?")) },
		"sync-record": func() *answer { return alice.post("/app/record/sync-record", map[string]any{"count": 10}) },
		"focus":       func() *answer { return alice.focus(1) },
	} {
		began := time.Now()
		a := ask()
		if took := time.Since(began); a.Result != fault.Busy || took > deadline+fast {
			t.Errorf("while the database hangs %s is answered after %s with %s", name, took, a.body)
		}
	}
	must(t, m.Thaw())
	l.progress(p.site, 20)
	l.verify(30)
}

func TestADatabaseThatIsDownAtTheStartIsWaitedFor(t *testing.T) {
	needServers(t)
	t.Parallel()
	m := ownMariaDB(t)
	must(t, m.Kill())
	p := newProcess(t, []string{"PARLEY_DATABASE_DSN=" + m.DefaultDSN()}, "-data", t.TempDir())
	p.run()
	until(t, func() bool { return p.log.has("waiting for the database") })
	if !p.log.has("Database.DSN") || p.log.has("parley:parley@") {
		t.Errorf("the log does not name the key, or names the password")
	}
	must(t, m.Start(context.Background()))
	p.ready()
	alice := newUser(t, p.site)
	alice.send(text(string(alice.uid()), "at last"))
}

func TestARedisThatIsDownAtTheStartIsWaitedFor(t *testing.T) {
	needServers(t)
	t.Parallel()
	r := ownRedis(t)
	must(t, r.Kill())
	p := newProcess(t, []string{"PARLEY_REDIS_ADDRS=" + r.Addr}, "-data", t.TempDir())
	p.run()
	until(t, func() bool { return p.log.has("waiting for") && p.log.has("Redis.Addrs") })
	must(t, r.Start(context.Background()))
	p.ready()
	alice := newUser(t, p.site)
	alice.send(text(string(alice.uid()), "at last"))

	// Nothing that was acknowledged is in it, so losing it loses nothing.
	must(t, r.Kill())
	alice.send(text(string(alice.uid()), "still"))
	if got := alice.sync(0, 10); len(got) != 2 {
		t.Errorf("without Redis alice reads %v, want both messages", got)
	}
}

// Redis only makes things quick: without it messages are stored, synced and
// delivered all the same, between processes too, and devices come in.
func TestARedisThatDiesIsMissedByNobody(t *testing.T) {
	needServers(t)
	t.Parallel()
	r := ownRedis(t)
	_, sites := several(t, 2, append(serverEnv(t), "PARLEY_REDIS_ADDRS="+r.Addr)...)
	alice, bob := newUser(t, sites[0]), newUser(t, sites[1])
	live := bob.connect(onDesktop("b"))
	talk := func(when string) {
		t.Helper()
		began := time.Now()
		sent := alice.send(text(string(bob.uid()), when))
		alice.post("/app/user/login", map[string]any{"connType": 0}).want(t, fault.OK)
		if took := time.Since(began); took > fast {
			t.Errorf("%s: alice waited %s", when, took)
		}
		if got := live.receive(); got.logID != sent.LogID {
			t.Errorf("%s: bob reads %v at %d, want %d", when, got, got.logID, sent.LogID)
		}
		if got := bob.sync(sent.LogID-1, 1); len(got) != 1 {
			t.Errorf("%s: bob syncs %v", when, got)
		}
	}
	for range 2 {
		talk("Redis is there")
		must(t, r.Kill())
		talk("Redis is gone")
		talk("Redis is still gone")
		bob.connect(onPhone("p"))
		must(t, r.Start(t.Context()))
	}
	talk("Redis is back")
}

// several starts processes on one database.
func several(t testing.TB, n int, env ...string) ([]*process, []site) {
	t.Helper()
	processes, sites := make([]*process, n), make([]site, n)
	for i := range processes {
		processes[i] = newProcess(t, env, "-data", t.TempDir())
		processes[i].run()
	}
	for i, p := range processes {
		p.ready()
		sites[i] = p.site
	}
	return processes, sites
}

// Three record services on one database, and everybody writes and reads at any
// of them.
func TestReadersMissNothingAmongSeveralServices(t *testing.T) {
	needServers(t)
	t.Parallel()
	cfg, file := sqldbtest.Server(t)
	_, sites := several(t, 3, "PARLEY_DATABASE_DSN="+cfg.DSN)
	w := newWorld(t, sites[0], sqldbtest.Open(t, cfg, file))
	newTraffic(w, sites...).run(8, 100)
}

func TestRepeatsAtSeveralServicesAreOne(t *testing.T) {
	needServers(t)
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	_, sites := several(t, 3, "PARLEY_DATABASE_DSN="+cfg.DSN)
	alice, bob := newUser(t, sites[0]), newUser(t, sites[0])
	at := make([]*client, len(sites))
	for i, s := range sites {
		at[i] = &client{t: t, site: s, key: alice.key}
	}
	for range 5 {
		message := text(string(bob.uid()), "once")
		answers := make([]sent, 90)
		atOnce(len(answers), func(i int) {
			if a := at[i%len(at)].push(message); a.Result == fault.OK {
				a.into(t, &answers[i])
			} else {
				t.Errorf("a repeat is answered with %s", a.body)
			}
		})
		for _, a := range answers {
			if a != answers[0] {
				t.Fatalf("the answers %+v and %+v differ", a, answers[0])
			}
		}
		atOnce(90, func(i int) {
			if a := at[i%len(at)].revoke(answers[0].LogID); a.Result != fault.OK {
				t.Errorf("a revoke is answered with %s", a.body)
			}
		})
		if got := fmt.Sprint(bob.sync(answers[0].LogID-1, 10)); got != "[REVOKE]" {
			t.Fatalf("bob reads %s, want one signal", got)
		}
	}
}

// frozen is how long the others may stand still when one of several services
// freezes while it holds the position: its session ends after five seconds, and
// a load may have to try again.
const frozen = 12 * time.Second

func TestAStuckServiceStopsTheOthersForSecondsAtMost(t *testing.T) {
	needServers(t)
	t.Parallel()
	cfg, _ := sqldbtest.Server(t)
	processes, sites := several(t, 3, "PARLEY_DATABASE_DSN="+cfg.DSN)
	l := startLoad(t, 4, sites...)
	stuck, others := processes[0], sites[1:]
	l.progress(sites[0], 10)

	// Until it is caught between the position and the commit: then the others
	// stand still.
	caught := false
	for try := 0; !caught && try < 200; try++ {
		stuck.signal(syscall.SIGSTOP)
		began, before := time.Now(), l.count(others[0])+l.count(others[1])
		for !caught && l.count(others[0])+l.count(others[1]) < before+20 {
			pause(t.Context(), time.Millisecond)
			caught = time.Since(began) > 2*time.Second
		}
		if caught {
			for _, s := range others {
				l.progress(s, 20)
			}
			if took := time.Since(began); took > frozen {
				t.Errorf("the others stood still for %s", took)
			} else {
				t.Logf("caught at try %d; the others stood still for %s", try+1, took)
			}
		}
		stuck.signal(syscall.SIGCONT)
		l.progress(sites[0], 1)
	}
	if !caught {
		t.Error("it was never caught between the position and the commit: the test shows nothing")
	}
	for _, s := range sites {
		l.progress(s, 10)
	}
	l.verify(100)
}
