package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// Client calls the services of one Server. The clients that protoc-gen-go-grpc
// makes are built on it.
type Client struct {
	conn    grpc.ClientConnInterface
	keyed   *keyedConn // nil where there is one server
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
	client, err := newConn(c, zrpc.RpcClientConf{})
	if err != nil {
		return nil, err
	}
	keyed := &keyedConn{config: c}
	return &Client{conn: client, keyed: keyed, timeout: c.Timeout, close: func() error {
		return errors.Join(client.Close(), keyed.close())
	}}, nil
}

func newConn(c ClientConfig, conf zrpc.RpcClientConf) (*grpc.ClientConn, error) {
	conf.Endpoints, conf.NonBlock = c.Endpoints, true
	conf.Middlewares = zrpc.ClientMiddlewaresConf{Breaker: true, Prometheus: true}
	if len(c.Endpoints) == 0 {
		conf.Etcd = discov.EtcdConf{Hosts: c.Registry.Hosts, Key: key(c.Service), User: c.Registry.User, Pass: c.Registry.Password}
	}
	client, err := zrpc.NewClient(conf,
		zrpc.WithDialOption(grpc.WithKeepaliveParams(clientKeepalive)),
		zrpc.WithDialOption(grpc.WithConnectParams(reconnect)))
	if err != nil {
		return nil, fmt.Errorf("make a client of %s: %w", c.Service, err)
	}
	return client.Conn(), nil
}

// keyedConn is a second set of connections, on which keys choose the server. Most
// clients never need it, so it is made when it is.
type keyedConn struct {
	config ClientConfig

	mu     sync.Mutex
	conn   *grpc.ClientConn
	closed bool
}

func (k *keyedConn) get() (*grpc.ClientConn, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, status.Error(codes.Canceled, "the client is closed")
	}
	if k.conn == nil {
		var err error
		if k.conn, err = newConn(k.config, zrpc.RpcClientConf{BalancerName: "consistent_hash"}); err != nil {
			return nil, err
		}
	}
	return k.conn, nil
}

func (k *keyedConn) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.conn == nil {
		return nil
	}
	return k.conn.Close()
}

// byKey is the key under which a context has the key of its streams.
type byKey struct{}

// ByKey returns a context whose streams go to the server that a hash of key names
// among those that are there: from every process to the same one. A stream stays
// where it is when servers come and go.
func ByKey(ctx context.Context, key string) context.Context {
	return zrpc.SetHashKey(context.WithValue(ctx, byKey{}, true), key)
}

// Invoke implements grpc.ClientConnInterface.
func (c *Client) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	c.awaitConnection(ctx)
	return c.conn.Invoke(carryTrace(ctx), method, args, reply, opts...)
}

// restartWithin is how long a call waits for a server that is just being started
// again. It has not been sent, so nothing can happen twice.
const restartWithin = 2 * time.Second

// awaitConnection waits, where no server was reached at the last try, for the next
// one, for a while: gRPC would fail the call at once.
func (c *Client) awaitConnection(ctx context.Context) {
	conn, ok := c.conn.(*grpc.ClientConn)
	if !ok || conn.GetState() != connectivity.TransientFailure {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, restartWithin)
	defer cancel()
	for conn.GetState() == connectivity.TransientFailure && conn.WaitForStateChange(ctx, connectivity.TransientFailure) {
	}
}

// NewStream implements grpc.ClientConnInterface.
func (c *Client) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	conn := c.conn
	if has, _ := ctx.Value(byKey{}).(bool); has && c.keyed != nil {
		var err error
		if conn, err = c.keyed.get(); err != nil {
			return nil, err
		}
	}
	return conn.NewStream(carryTrace(ctx), desc, method, opts...)
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
