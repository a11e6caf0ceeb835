package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parley/app"
)

// envEtcd names the environment variable with the address of an etcd that is for tests
// alone. e2e/servers sets it.
const envEtcd = "PARLEY_TEST_ETCD"

// envTwice says that scenarios run with two of every service and in no other form.
const envTwice = "PARLEY_TEST_TWICE"

// startTwice runs every target in two Apps, which find each other through etcd. One
// connection goes to the first gateway, the next one to the second.
func startTwice(t testing.TB, config app.Config, backends app.Backends) site {
	t.Helper()
	config = apart(storing(t, config))
	config.Connect.Listen = anyPort
	config.Registry.Hosts, config.Registry.Prefix = []string{os.Getenv(envEtcd)}, "test-"+rand.Text()
	targets := app.Targets()[1:] // without all
	apps, errs := make([]*app.App, 2*len(targets)), make([]error, 2*len(targets))
	// All at once: those that call others wait for them.
	var starting sync.WaitGroup
	for i := range apps {
		starting.Go(func() {
			apps[i], errs[i] = app.Start(t.Context(), config, app.Options{Targets: []string{targets[i/2]}, Backends: backends})
		})
	}
	starting.Wait()
	addrs := make(map[string][]string)
	for i, a := range apps {
		if a == nil {
			continue
		}
		addrs[targets[i/2]] = append(addrs[targets[i/2]], a.Address(targets[i/2]))
	}
	t.Cleanup(func() { stopAll(t, apps) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	at := func(target string) string { return "http://" + inTurn(t, addrs[target]) }
	return site{app: at("app"), group: at("group"), oss: at("oss"), connect: at("connect")}
}

// stopAll stops what was started, gateways first: each target when those are stopped
// that may call it.
func stopAll(t testing.TB, apps []*app.App) {
	var gateways, services []*app.App
	for _, a := range apps {
		switch {
		case a == nil:
		case strings.Contains(a.String(), "-rpc"):
			services = append(services, a)
		default:
			gateways = append(gateways, a)
		}
	}
	for _, group := range [][]*app.App{gateways, services} {
		atOnce(len(group), func(i int) {
			if err := group[i].Stop(context.Background()); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
}

// inTurn returns an address that leads to one of addrs after the other, a connection at a
// time. It passes on bytes and knows nothing of HTTP, so what tests send comes as it is.
func inTurn(t testing.TB, addrs []string) string {
	t.Helper()
	l, err := net.Listen("tcp", anyPort)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	var next atomic.Uint64
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", addrs[next.Add(1)%uint64(len(addrs))])
			if err != nil {
				near.Close()
				continue
			}
			go bridge(near, far)
		}
	}()
	return l.Addr().String()
}

// bridge passes on what either side says until both have ended. A server may answer and hang
// up on what still comes, so the answer goes on its way when the other way is broken.
func bridge(near, far net.Conn) {
	var ways sync.WaitGroup
	ways.Go(func() { pass(near, far) })
	ways.Go(func() { pass(far, near) })
	ways.Wait()
	near.Close()
	far.Close()
}

// pass passes on what comes from one side, and its end.
func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from) // to who is called a connection that breaks is one that ends
	_ = to.(*net.TCPConn).CloseWrite()
}
