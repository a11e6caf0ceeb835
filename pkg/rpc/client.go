package rpc

import (
	"context"
	"fmt"
	"time"

	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Client calls the services of one Server. The clients that protoc-gen-go-grpc
// makes are built on it.
type Client struct {
	conn    grpc.ClientConnInterface
	timeout time.Duration
	close   func() error
}

var _ grpc.ClientConnInterface = (*Client)(nil)

// ClientConfig says where a server in another process is found.
type ClientConfig struct {
	// Service is the name that the server was made with.
	Service string
	// Endpoints are the addresses of the servers. Without any, Registry is
	// asked for them.
	Endpoints []string
	// Registry is where servers enter themselves.
	Registry Registry
	// Timeout bounds calls whose context sets no earlier end. Streams have
	// only the bounds of their contexts.
	Timeout time.Duration
}

// reconnect keeps the pauses between two tries to connect short: gRPC's own
// grow to two minutes, and a server that was restarted is back in seconds.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
	MinConnectTimeout: 5 * time.Second,
}

// Dial returns a client of servers in other processes. It does not wait for
// them; Ready tells whether one is there.
//
// What zrpc would do with interceptors of its own is switched off where it is
// done here for both forms (traces, time-outs), and where it would write
// requests, with the bodies of messages, into the log (durations).
func Dial(c ClientConfig) (*Client, error) {
	conf := zrpc.RpcClientConf{
		Endpoints:   c.Endpoints,
		NonBlock:    true,
		Middlewares: zrpc.ClientMiddlewaresConf{Breaker: true, Prometheus: true},
	}
	if len(c.Endpoints) == 0 {
		conf.Etcd = discov.EtcdConf{Hosts: c.Registry.Hosts, Key: key(c.Service), User: c.Registry.User, Pass: c.Registry.Password}
	}
	client, err := zrpc.NewClient(conf,
		zrpc.WithDialOption(grpc.WithKeepaliveParams(clientKeepalive)),
		zrpc.WithDialOption(grpc.WithConnectParams(reconnect)))
	if err != nil {
		return nil, fmt.Errorf("make a client of %s: %w", c.Service, err)
	}
	conn := client.Conn()
	return &Client{conn: conn, timeout: c.Timeout, close: conn.Close}, nil
}

// Invoke implements grpc.ClientConnInterface.
func (c *Client) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	return c.conn.Invoke(carryTrace(ctx), method, args, reply, opts...)
}

// NewStream implements grpc.ClientConnInterface.
func (c *Client) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.conn.NewStream(carryTrace(ctx), desc, method, opts...)
}

// Ready returns nil once a server in another process answers, and an error
// when ctx ends first. It is not for clients that Local made: their server is
// ready before they exist.
func (c *Client) Ready(ctx context.Context) error {
	_, err := grpc_health_v1.NewHealthClient(c.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
	return err
}

// Close ends the client's connections.
func (c *Client) Close() error { return c.close() }
