package rpc

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	testv1 "google.golang.org/grpc/interop/grpc_testing"

	"parley/e2e/servers/fixture"
	"parley/pkg/tlsx"
	"parley/pkg/tlsx/tlstest"
)

// etcd starts a private etcd.
func etcd(t *testing.T) *fixture.Etcd {
	t.Helper()
	fixture.Need(t)
	server, err := fixture.StartEtcd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return untilEnd(t, server)
}

// untilEnd stops a server with the test.
func untilEnd(t *testing.T, server *fixture.Etcd) *fixture.Etcd {
	t.Helper()
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func openRegistry(t *testing.T, server *fixture.Etcd, prefix string) *Registry {
	t.Helper()
	r, err := OpenRegistry(RegistryConfig{Hosts: []string{server.Addr}, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// enterServer starts a server that is in the registry and answers streams with its
// address.
func enterServer(t *testing.T, r *Registry) *Server {
	t.Helper()
	server := NewServer("test")
	testv1.RegisterTestServiceServer(server, service{
		unary: func(context.Context) error { return nil },
		stream: func(stream grpc.BidiStreamingServer[testv1.StreamingOutputCallRequest, testv1.StreamingOutputCallResponse]) error {
			for {
				if err := stream.Send(&testv1.StreamingOutputCallResponse{Payload: &testv1.Payload{Body: []byte(server.Addr())}}); err != nil {
					return err
				}
				if _, err := stream.Recv(); err != nil {
					return nil // the client has ended it
				}
			}
		},
	})
	if err := server.Listen(ServerConfig{Listen: "127.0.0.1:0", Registry: r}, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	return server
}

func stop(t *testing.T, server *Server) {
	t.Helper()
	if err := server.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func dialRegistry(t *testing.T, r *Registry) *Client {
	t.Helper()
	client, err := Dial(ClientConfig{Service: "test", Registry: r, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// found collects what a registry reports.
type found struct {
	mu        sync.Mutex
	addresses []string
	changed   chan struct{}
}

func find(t *testing.T, r *Registry) *found {
	f := &found{changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.follow(ctx, "test", func(addresses []string) {
			f.mu.Lock()
			f.addresses = addresses
			f.mu.Unlock()
			select {
			case f.changed <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
	return f
}

func (f *found) now() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addresses
}

// await waits until exactly these servers are found.
func (f *found) await(t *testing.T, servers ...*Server) {
	t.Helper()
	var want []string
	for _, s := range servers {
		want = append(want, s.Addr())
	}
	slices.Sort(want)
	late := time.After(30 * time.Second)
	for !slices.Equal(f.now(), want) {
		select {
		case <-f.changed:
		case <-late:
			t.Fatalf("found are %v, want %v", f.now(), want)
		}
	}
}

func TestServersComeAndGo(t *testing.T) {
	t.Parallel()
	r := openRegistry(t, etcd(t), "parley")
	first := enterServer(t, r)
	f := find(t, r)
	f.await(t, first)
	second := enterServer(t, r)
	f.await(t, first, second)
	first.leave() // returns when it is done
	f.await(t, second)
	stop(t, first)
	stop(t, second)
	if got := f.now(); !slices.Equal(got, []string{second.Addr()}) {
		t.Errorf("when the last server has left, %v are reported", got)
	}
}

// mute is an etcd that does what it is told to put, and whose answer is lost.
type mute struct {
	clientv3.KV
	put chan struct{}
}

func (m mute) Put(ctx context.Context, key, value string, options ...clientv3.OpOption) (*clientv3.PutResponse, error) {
	if _, err := m.KV.Put(ctx, key, value, options...); err != nil {
		return nil, err
	}
	close(m.put)
	<-ctx.Done()
	return nil, ctx.Err()
}

// Else callers would be sent to it until its lease ends.
func TestAServerThatLeavesWhileItEntersIsGone(t *testing.T) {
	t.Parallel()
	r := openRegistry(t, etcd(t), "parley")
	kv, put := r.client.KV, make(chan struct{})
	r.client.KV = mute{kv, put}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		entry{client: r.client, key: r.key("test") + "here", address: "here"}.keep(ctx, func() {})
	}()
	<-put
	leave()
	<-left
	got, err := kv.Get(t.Context(), r.key("test"), clientv3.WithPrefix())
	if err != nil || got.Count != 0 {
		t.Errorf("the registry has %v (%v)", got, err)
	}
}

func TestInstallationsOnOneEtcdDoNotMeet(t *testing.T) {
	t.Parallel()
	server := etcd(t)
	a, b := openRegistry(t, server, "parley"), openRegistry(t, server, "parley2")
	inA, inB := enterServer(t, a), enterServer(t, b)
	find(t, a).await(t, inA)
	find(t, b).await(t, inB)
	stop(t, inA)
	stop(t, inB)
}

// Calls that may not be repeated, and still none fails.
func TestNoCallFailsWhileServersComeAndGo(t *testing.T) {
	t.Parallel()
	r := openRegistry(t, etcd(t), "parley")
	servers := []*Server{enterServer(t, r), enterServer(t, r)}
	c := keepCalling(t, dialRegistry(t, r))
	for range 6 {
		c.progress(200)
		servers = append(servers, enterServer(t, r))
		c.progress(200)
		stop(t, servers[0])
		servers = servers[1:]
	}
	c.progress(200)
	c.end()
	for _, s := range servers {
		stop(t, s)
	}
}

// where opens a stream with a key and returns the address of its server.
func where(t *testing.T, client *Client, key int) (addr string, moved <-chan struct{}, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ctx, place := ByKey(ctx, key)
	stream, err := testv1.NewTestServiceClient(client).FullDuplexCall(ctx, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return string(answer.GetPayload().GetBody()), place.Moved(), cancel
}

func TestAStreamMovesToTheServerThatItsKeyNames(t *testing.T) {
	t.Parallel()
	r := openRegistry(t, etcd(t), "parley")
	present := []*Server{enterServer(t, r)}
	client := dialRegistry(t, r)
	const keys = 12
	moves := make([]<-chan struct{}, keys)
	for key := range keys {
		_, moves[key], _ = where(t, client, key)
	}
	for range 2 {
		present = append(present, enterServer(t, r))
	}
	var addrs []string
	for _, s := range present {
		addrs = append(addrs, s.Addr())
	}
	slices.Sort(addrs)
	other := dialRegistry(t, r)
	for key := range keys {
		want := addrs[key%len(addrs)]
		if want != present[0].Addr() {
			select {
			case <-moves[key]:
			case <-time.After(patience):
				t.Fatalf("key %d does not move to the server that came", key)
			}
		}
		for _, c := range []*Client{client, other} {
			for got, moved, end := where(t, c, key); got != want; got, moved, end = where(t, c, key) {
				<-moved // until it knows all of them
				end()
			}
		}
	}
	for _, s := range present {
		stop(t, s)
	}
}

func TestOverTLSBothSidesShowACertificate(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	authority := tlstest.New(t)
	cert, key := authority.Issue(t, "server")
	server, err := fixture.StartEtcdTLS(t.Context(), fixture.Certificate{CAFile: authority.CAFile, CertFile: cert, KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	untilEnd(t, server)
	ready := func(c tlsx.ClientConfig) error {
		secured, err := tlsx.Load("Registry", c)
		if err != nil {
			return err
		}
		r, err := OpenRegistry(RegistryConfig{Hosts: []string{server.Addr}, TLS: secured, Prefix: "parley"})
		if err != nil {
			return err
		}
		defer r.Close()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return r.Ready(ctx)
	}
	if err := ready(authority.Certified(t)); err != nil {
		t.Error(err)
	}
	wrong := authority.Certified(t)
	wrong.CAFile = tlstest.New(t).CAFile
	if err := ready(wrong); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("a server of another authority gave the error %v", err)
	}
	// These are refused when they have sent their request already, and what the server
	// says may be lost with the connection.
	if err := ready(authority.Client()); err == nil {
		t.Error("a client without a certificate was answered")
	}
	if err := ready(tlsx.ClientConfig{}); err == nil {
		t.Error("a client without TLS was answered")
	}
}

// Longer than a lease, and with the loss of everything in the end.
func TestWhileTheRegistryIsGoneServersAreFoundAsBefore(t *testing.T) {
	t.Parallel()
	server := etcd(t)
	r := openRegistry(t, server, "parley")
	first, second := enterServer(t, r), enterServer(t, r)
	f := find(t, r)
	f.await(t, first, second)
	c := keepCalling(t, dialRegistry(t, r))
	c.progress(200)

	kill := func() {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	restart := func() {
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	kill()
	time.Sleep((leaseSeconds + 2) * time.Second) // what is tested is that time passes
	third := enterServer(t, openRegistry(t, server, "parley"))
	c.progress(200)
	restart()
	f.await(t, first, second, third)
	c.progress(200)

	kill()
	if err := server.Forget(); err != nil {
		t.Fatal(err)
	}
	restart()
	f.await(t, first, second, third)
	c.progress(200)
	c.end()
	if err := first.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	f.await(t, second, third)
	stop(t, second)
	stop(t, third)
}
