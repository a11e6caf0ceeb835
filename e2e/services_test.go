package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"parley/pkg/fault"
	"parley/pkg/redisx/redistest"
)

// services is Parley as it runs in production: every target in a process of its
// own.
type services struct {
	records         []*process
	app, group, oss *process
	site            site
}

// startServices starts one process for each gateway and as many record services
// as the database bears: SQLite one.
func startServices(t testing.TB) *services {
	t.Helper()
	database := serverEnv(t)
	if addr := os.Getenv(redistest.EnvRedis); addr != "" {
		database = append(database, "PARLEY_REDIS_ADDRS="+addr)
	}
	n := 2
	if len(database) == 0 {
		n = 1
	}
	s := new(services)
	var endpoints []string
	data := t.TempDir()
	for range n {
		addr := freeAddr(t)
		endpoints = append(endpoints, addr)
		p := newService(t, slices.Concat(database, []string{"PARLEY_RECORD_LISTEN=" + addr}), "-target", "record-rpc", "-data", data)
		p.run()
		s.records = append(s.records, p)
	}
	gateway := func(target string) (*process, string) {
		addr := freeAddr(t)
		p := newService(t, []string{
			"PARLEY_" + strings.ToUpper(target) + "_LISTEN=" + addr,
			"PARLEY_RECORD_ENDPOINTS=" + strings.Join(endpoints, ","),
		}, "-target", target)
		p.run()
		return p, "http://" + addr
	}
	s.app, s.site.app = gateway("app")
	s.group, s.site.group = gateway("group")
	s.oss, s.site.oss = gateway("oss")
	s.app.site = s.site
	s.app.ready()
	return s
}

func TestEveryTargetInItsOwnProcess(t *testing.T) {
	t.Parallel()
	s := startServices(t)
	alice, bob := newUser(t, s.site), newUser(t, s.site)
	alice.post("/app/user/login", map[string]any{"connType": 0}).want(t, fault.OK)
	slip := alice.send(text(string(bob.uid()), "a slip"))
	hello := alice.send(text(string(bob.uid()), "hello"))
	alice.revoke(slip.LogID).want(t, fault.OK)
	bob.focus(hello.LogID).want(t, fault.OK)
	if got := bob.syncAll(0, 1); len(got) != 3 || got[0].logID != hello.LogID {
		t.Errorf("bob reads %v, want the message and two signals", got)
	}
	if got := bob.history(alice.uid(), 0, 10); len(got) != 1 {
		t.Errorf("bob's history is %v, want one message", got)
	}
	alice.post("/group/app/group-info", map[string]any{"id": 1}).want(t, fault.Unsupported)
	alice.post("/oss/get-host", map[string]any{"appId": "dtalk"}).want(t, fault.Unsupported)
}

// The gateway outlives the record services: what was not answered is sent again.
func TestARecordServiceThatDiesLosesNothing(t *testing.T) {
	t.Parallel()
	s := startServices(t)
	l := startLoad(t, 8, s.site)
	l.progress(s.site, 10)
	for _, p := range append(s.records, s.records...) {
		pause(t.Context(), moment())
		p.kill()
		p.run()
		l.progress(s.site, 20)
	}
	l.verify(20)
}
