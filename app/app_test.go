package app

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/pkg/auth"
	"parley/pkg/connlimit"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb/sqldbtest"
)

// local is a configuration for a test: free ports and a folder of its own.
func local(t *testing.T) Config {
	t.Helper()
	c := Default()
	c.Data = filepath.Join(t.TempDir(), "data")
	c.App.Listen, c.Group.Listen, c.Oss.Listen, c.Record.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.GroupService.Listen, c.Call.Listen, c.Connect.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	return c
}

func start(t *testing.T, c Config, o Options) *App {
	t.Helper()
	a, err := Start(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func stop(t *testing.T, a *App) {
	t.Helper()
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// post sends an empty request of a new user and returns the result code.
func post(t *testing.T, url string) int {
	t.Helper()
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("FZM-SIGNATURE", key.Token(time.Now(), ""))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var envelope struct{ Result int }
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s answers %s, %v", url, res.Status, err)
	}
	return envelope.Result
}

const (
	ok          = 0
	unsupported = -2000
)

func TestAllAnswersOnEveryPortAndEverythingOnTheFirst(t *testing.T) {
	t.Parallel()
	a := start(t, local(t), Options{})
	defer stop(t, a)
	for url, want := range map[string]int{
		a.URL() + "/app/user/login":                           ok,
		a.URL() + "/group/app/group-list":                     ok,
		a.URL() + "/oss/get-token":                            unsupported,
		httpURL(a.Address("group")) + "/group/app/group-list": ok,
		httpURL(a.Address("oss")) + "/oss/get-token":          unsupported,
	} {
		if got := post(t, url); got != want {
			t.Errorf("%s answers %d, want %d", url, got, want)
		}
	}
	for _, service := range []string{"record-rpc", "group-rpc", "call-rpc"} {
		if address := a.Address(service); address != "" {
			t.Errorf("%s takes calls on %s, although everybody who calls is in the process", service, address)
		}
	}
}

func TestListenServesEverythingOnOnePort(t *testing.T) {
	t.Parallel()
	a := start(t, local(t), Options{Listen: "127.0.0.1:0"})
	defer stop(t, a)
	if a.Address("group") != "" || a.Address("oss") != "" {
		t.Errorf("there are more ports than one: %s", a)
	}
	for path, want := range map[string]int{"/app/user/login": ok, "/group/app/group-list": ok, "/oss/get-token": unsupported} {
		if got := post(t, a.URL()+path); got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
}

func TestASplitInstallationAnswersTheSame(t *testing.T) {
	t.Parallel()
	backends := Backends{DB: sqldbtest.New(t), Redis: redistest.New(t)}
	c := local(t)
	service := start(t, c, Options{Targets: []string{"record-rpc"}, Backends: backends})
	defer stop(t, service)
	c.Record.Endpoints = []string{service.Address("record-rpc")}
	groups := start(t, c, Options{Targets: []string{"group-rpc"}, Backends: backends})
	defer stop(t, groups)
	c.GroupService.Endpoints = []string{groups.Address("group-rpc")}
	calls := start(t, c, Options{Targets: []string{"call-rpc"}, Backends: backends})
	defer stop(t, calls)
	c.Call.Endpoints = []string{calls.Address("call-rpc")}
	c.Connect.WithApp = false
	app := start(t, c, Options{Targets: []string{"app"}})
	defer stop(t, app)
	if got := post(t, app.URL()+"/app/user/login"); got != ok {
		t.Errorf("login answers %d", got)
	}
	group := start(t, c, Options{Targets: []string{"group"}})
	defer stop(t, group)
	if got := post(t, group.URL()+"/group/app/group-list"); got != ok {
		t.Errorf("group-list answers %d", got)
	}
	if service.URL() != "" {
		t.Errorf("the record service answers HTTP on %s", service.URL())
	}
}

func TestAServiceThatIsNotThereEndsTheStart(t *testing.T) {
	t.Parallel()
	c := local(t)
	c.Rpc.StartTimeout = 100 * time.Millisecond
	c.Record.Endpoints = []string{"127.0.0.1:1"}
	_, err := Start(t.Context(), c, Options{Targets: []string{"app"}})
	if err == nil || !strings.Contains(err.Error(), "record-rpc") || !strings.Contains(err.Error(), "Record.Endpoints") {
		t.Errorf("the error is %v", err)
	}
}

func TestATakenPortEndsTheStartAndLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := local(t)
	_, err = Start(t.Context(), c, Options{Listen: taken.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()+" is taken by another process") {
		t.Errorf("the error is %v", err)
	}
	// The folder and the database can be had again.
	stop(t, start(t, c, Options{Listen: "127.0.0.1:0"}))
}

func TestASecondProcessOnAFolderIsRefused(t *testing.T) {
	t.Parallel()
	c := local(t)
	a := start(t, c, Options{})
	defer stop(t, a)
	if _, err := Start(t.Context(), c, Options{}); err == nil || !strings.Contains(err.Error(), "is used by another process") {
		t.Errorf("the error is %v", err)
	}
}

func TestTargetsThatCannotBe(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), local(t), Options{Targets: []string{"apps"}})
	if err == nil || !strings.Contains(err.Error(), "all, app, connect, group, oss, record-rpc") {
		t.Errorf("an unknown target: %v", err)
	}
	if _, err := Start(t.Context(), local(t), Options{Targets: []string{"app"}, Listen: ":0"}); err == nil {
		t.Error("one port for every route although only one gateway is there")
	}
}

func TestStoppingFinishesRequestsInFlight(t *testing.T) {
	t.Parallel()
	c := local(t)
	a := &App{config: c, addresses: make(map[string]string), failed: make(chan error, 1), budget: connlimit.NewBudget(100)}
	arrived, finish := make(chan struct{}), make(chan struct{})
	end, err := a.serve("app", c.App, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-finish
	}))
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		res, err := http.Get(a.URL())
		if err == nil {
			err = res.Body.Close()
		}
		answer <- err
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- end(context.Background()) }()
	close(finish)
	if err := <-answer; err != nil {
		t.Errorf("a request in flight fails: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping fails: %v", err)
	}
}

func TestStoppingCutsRequestsWhenTheGraceEnds(t *testing.T) {
	t.Parallel()
	c := local(t)
	a := &App{config: c, addresses: make(map[string]string), failed: make(chan error, 1), budget: connlimit.NewBudget(100)}
	arrived := make(chan struct{})
	end, err := a.serve("app", c.App, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		res, err := http.Get(a.URL())
		if err == nil {
			_ = res.Body.Close()
		}
		answer <- err
	}()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := end(ctx); err == nil || !strings.Contains(err.Error(), "finish the requests on") {
		t.Errorf("stopping ends with %v", err)
	}
	if err := <-answer; err == nil {
		t.Error("a request that was cut reports success")
	}
}
