package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/pkg/fault"
	"parley/pkg/redisx/redistest"
)

// services is Parley as it runs in production: every target in a process of its
// own. On SQLite the services and the socket gateway share one, for the data
// folder is for one process.
type services struct {
	records []*process
	// Where the first record service and the call service take calls.
	first, calls string
	// The group, the call and the storage service; nil where they are in records[0].
	group, call, storage *process
	// The socket gateways, and where they are.
	connects []*process
	gateways []string
	site     site
}

// startServices starts one process for each gateway, for the group, the call and
// the storage service, two record services and two socket gateways.
func startServices(t testing.TB) *services {
	t.Helper()
	redis := redistest.Addrs()
	return startServicesOn(t, redis, redis)
}

// startServicesOn is startServices with a Redis, the first record service reaching
// it at an address of its own, and with more in the environment of all services.
func startServicesOn(t testing.TB, redis, redisOfFirst string, more ...string) *services {
	t.Helper()
	database := serverEnv(t)
	s, data := new(services), t.TempDir()
	service := func(targets, redis string, env ...string) *process {
		if redis != "" {
			env = append(env, "PARLEY_REDIS_ADDRS="+redis)
		}
		p := newService(t, slices.Concat(database, more, env), "-target", targets, "-data", data)
		p.run()
		return p
	}
	first, second, group, call, storage, connect := freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t)
	asRecord, asGroup, asCall, asConnect := "PARLEY_RECORD_LISTEN=", "PARLEY_GROUPSERVICE_LISTEN=", "PARLEY_CALL_LISTEN=", "PARLEY_CONNECT_LISTEN="
	asStorage := "PARLEY_OSSSERVICE_LISTEN="
	more = append(more, storesLocally, fmt.Sprint("PARLEY_CALL_APPID=", callApp), "PARLEY_CALL_SECRET="+callSecret)
	records := first
	s.gateways = []string{"http://" + connect}
	if len(database) == 0 {
		s.records = []*process{service("record-rpc,group-rpc,call-rpc,oss-rpc,connect", redis,
			asRecord+first, asGroup+group, asCall+call, asStorage+storage, asConnect+connect)}
		s.connects = s.records
	} else {
		s.records = []*process{service("record-rpc", redisOfFirst, asRecord+first), service("record-rpc", redis, asRecord+second)}
		s.group = service("group-rpc", redis, asGroup+group)
		s.call = service("call-rpc", redis, asCall+call, "PARLEY_GROUPSERVICE_ENDPOINTS="+group)
		s.storage = service("oss-rpc", redis, asStorage+storage)
		records += "," + second
		for _, addr := range []string{connect, freeAddr(t)} {
			s.connects = append(s.connects, service("connect", redis, asConnect+addr, "PARLEY_RECORD_ENDPOINTS="+records))
			s.gateways = append(s.gateways[:len(s.connects)-1], "http://"+addr)
		}
	}
	s.first, s.calls = first, call
	gateway := func(target string) string {
		return startGateway(t, target, data, storesLocally, "PARLEY_OSSSERVICE_ENDPOINTS="+storage,
			"PARLEY_RECORD_ENDPOINTS="+records, "PARLEY_GROUPSERVICE_ENDPOINTS="+group, "PARLEY_CALL_ENDPOINTS="+call, "PARLEY_CONNECT_WITHAPP=false")
	}
	s.site = site{app: gateway("app"), group: gateway("group"), oss: gateway("oss"), connect: s.gateways[0]}
	for i, addr := range s.gateways {
		s.connects[i].readyAt(addr)
	}
	return s
}

// storesLocally configures an app that stores objects in the data folder, which the
// gateway and the service share.
const storesLocally = "PARLEY_OSSSERVICE_APPS=[{AppID: dtalk, Providers: [{Type: local}]}]"

// startGateway starts a gateway with a data folder and returns where it answers.
func startGateway(t testing.TB, target, data string, env ...string) string {
	t.Helper()
	addr := freeAddr(t)
	p := newService(t, append(env, "PARLEY_"+strings.ToUpper(target)+"_LISTEN="+addr), "-target", target, "-data", data)
	p.run()
	p.site = oneAddress("http://" + addr)
	p.ready()
	return "http://" + addr
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
	g := alice.create("friends", bob)
	last := bob.send(groupText(g.ID, "hello all"))
	alice.remove(g.ID, bob).want(t, fault.OK)
	bob.push(groupText(g.ID, "let me say")).want(t, fault.NotMember)
	if got := fmt.Sprint(bob.sync(last.LogID, 10)); got != "[notice:KICK_OUT_GROUP SIGN_OUT_GROUP]" {
		t.Errorf("bob reads %s, want that he was removed", got)
	}
	live := bob.connect(onDesktop("b"))
	for live.receive().logID < last.LogID {
	}
	over := live.post(text(string(alice.uid()), "over a socket"))
	if got := alice.sync(over.LogID-1, 1); len(got) != 1 || got[0].logID != over.LogID {
		t.Errorf("alice reads %v, want what bob sent over his socket", got)
	}
	alice.post("/group/app/group-info", map[string]any{"id": 1}).want(t, fault.NoSuchGroup)
	picture := inDtalk("pictures/" + string(alice.uid()) + ".png")
	holds(t, alice.store(picture, []byte("a picture")).URL, []byte("a picture"))
	bob.put(picture, []byte("another")).want(t, fault.Forbidden)
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

// One that freezes for long keeps its connections, and what was sent on them, until a
// gateway notices that nothing comes back.
func TestARecordServiceThatFreezesIsLeftForTheOtherOne(t *testing.T) {
	needServers(t)
	t.Parallel()
	s := startServices(t)
	l := startLoad(t, 16, s.site)
	l.progress(s.site, 10)
	began, before := time.Now(), make(map[*writer]int64)
	for _, w := range l.writers {
		before[w] = w.count.Load()
	}
	s.records[0].signal(syscall.SIGSTOP)
	until(t, func() bool {
		return !slices.ContainsFunc(l.writers, func(w *writer) bool { return w.count.Load() < before[w]+10 })
	})
	t.Logf("everybody could write %s after one of two services froze", time.Since(began).Round(time.Millisecond))
	s.records[0].signal(syscall.SIGCONT)
	l.progress(s.site, 20)
	l.verify(200)
}
