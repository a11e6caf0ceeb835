package recordtest

import (
	"context"
	"testing"
	"time"

	"parley/pkg/rpc"
)

// Dial makes a server listen and returns a client over the network.
func Dial(t testing.TB, server *rpc.Server) *rpc.Client {
	t.Helper()
	if err := server.Listen(rpc.ServerConfig{Listen: "127.0.0.1:0"}, func(err error) { t.Errorf("serve: %v", err) }); err != nil {
		t.Fatalf("listen: %v", err)
	}
	client, err := rpc.Dial(rpc.ClientConfig{Service: "record", Endpoints: []string{server.Addr()}, Timeout: time.Minute})
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close a client: %v", err)
		}
		if err := server.Stop(context.Background()); err != nil {
			t.Errorf("stop a server: %v", err)
		}
	})
	if err := client.Ready(t.Context()); err != nil {
		t.Fatalf("wait for the server: %v", err)
	}
	return client
}
