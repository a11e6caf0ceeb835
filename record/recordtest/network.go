package recordtest

import (
	"context"
	"testing"
	"time"

	"parley/pkg/rpc"
)

// Dial makes servers listen and returns a client over the network.
func Dial(t testing.TB, servers ...*rpc.Server) *rpc.Client {
	t.Helper()
	addrs := make([]string, len(servers))
	for i, server := range servers {
		if err := server.Listen(rpc.ServerConfig{Listen: "127.0.0.1:0"}, func(err error) { t.Errorf("serve: %v", err) }); err != nil {
			t.Fatalf("listen: %v", err)
		}
		addrs[i] = server.Addr()
	}
	client, err := rpc.Dial(rpc.ClientConfig{Service: "record", Endpoints: addrs, Timeout: time.Minute})
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close a client: %v", err)
		}
		for _, server := range servers {
			if err := server.Stop(context.Background()); err != nil {
				t.Errorf("stop a server: %v", err)
			}
		}
	})
	if err := client.Ready(t.Context()); err != nil {
		t.Fatalf("wait for a server: %v", err)
	}
	return client
}
