package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/zeromicro/go-zero/core/breaker"
	"github.com/zeromicro/go-zero/zrpc"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"parley/pkg/traces"
)

// Client calls the services of one Server. The clients that protoc-gen-go-grpc
// makes are built on it.
type Client struct {
	conn    grpc.ClientConnInterface
	remote  *remote // nil where the server is in this process
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
	// Registry is where servers enter themselves, or nil.
	Registry *Registry
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
// done here for both forms (traces, metrics, time-outs), where it would write
// requests, with the bodies of messages, into the log (durations), and where it would
// count each try of a call as one (breaker).
func Dial(c ClientConfig) (*Client, error) {
	conn, err := newConn(c, "")
	if err != nil {
		return nil, err
	}
	r := &remote{config: c, conn: conn, repetition: repetitionOf}
	return &Client{conn: conn, remote: r, timeout: c.Timeout, close: func() error {
		return errors.Join(conn.Close(), r.closeKeyed())
	}}, nil
}

// newConn returns connections to all servers of a service. The balancer chooses among
// them; the default prefers those that answer fast.
func newConn(c ClientConfig, balancer string) (*grpc.ClientConn, error) {
	options := []zrpc.ClientOption{
		zrpc.WithDialOption(grpc.WithResolvers(finder{c})),
		zrpc.WithDialOption(grpc.WithKeepaliveParams(clientKeepalive)),
		zrpc.WithDialOption(grpc.WithConnectParams(reconnect)),
	}
	if balancer == "" {
		options = append(options, zrpc.WithDialOption(grpc.WithDefaultServiceConfig(serviceConfig())))
	}
	client, err := zrpc.NewClient(zrpc.RpcClientConf{
		Target: scheme + ":///" + c.Service, NonBlock: true, BalancerName: balancer,
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("make a client of %s: %w", c.Service, err)
	}
	return client.Conn(), nil
}

// remote is what a client has where its servers are in other processes.
type remote struct {
	config     ClientConfig
	conn       *grpc.ClientConn
	repetition func(method string) repetition
	breakers   sync.Map // breaker.Breaker of each method
	hanging    budget

	mu sync.Mutex
	// keyed is a second set of connections, on which keys choose the server.
	// Most clients never need it, so it is made when it is.
	keyed  *grpc.ClientConn
	closed bool
}

func (r *remote) keyedConn() (*grpc.ClientConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, status.Error(codes.Canceled, "the client is closed")
	}
	if r.keyed == nil {
		var err error
		if r.keyed, err = newConn(r.config, byKey); err != nil {
			return nil, err
		}
	}
	return r.keyed, nil
}

func (r *remote) closeKeyed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.keyed == nil {
		return nil
	}
	return r.keyed.Close()
}

// invoke makes a call, again if it may be repeated. The breaker counts what comes of it
// in the end: that one server of several dies opens none.
func (r *remote) invoke(ctx context.Context, method string, args, reply any, opts []grpc.CallOption) error {
	guard, _ := r.breakers.LoadOrStore(method, breaker.NewBreaker(breaker.WithName(method)))
	return guard.(breaker.Breaker).DoWithAcceptableCtx(ctx, func() error {
		return r.persist(ctx, method, args, reply, opts)
	}, acceptable)
}

// acceptable reports whether an error says nothing bad about the service.
func acceptable(err error) bool {
	switch status.Code(err) {
	case codes.DeadlineExceeded, codes.Internal, codes.Unavailable, codes.DataLoss, codes.Unimplemented, codes.ResourceExhausted:
		return false
	}
	return true
}

// persist tries until a try succeeds or must not be repeated.
func (r *remote) persist(ctx context.Context, method string, args, reply any, opts []grpc.CallOption) error {
	repeating := r.repetition(method)
	var waited time.Duration
	ctx, call := withTries(ctx)
	for try := 1; ; try++ {
		waited += r.awaitConnection(ctx, restartWithin-waited)
		var at peer.Peer
		trying, ended := r.hurry(ctx, call, repeating, try)
		err := r.conn.Invoke(trying, method, args, reply, append(opts[:len(opts):len(opts)], grpc.Peer(&at))...)
		cut := ended()
		if err == nil {
			return nil
		}
		f := failure{err: err, method: repeating, sent: wasSent(at), cut: cut, waited: waited}
		if try == maxTries || ctx.Err() != nil || !f.again() {
			return err
		}
	}
}

// restartWithin is how long a call waits, with all its tries, for a server that is just
// being started again. It has not been sent, so nothing can happen twice.
const restartWithin = 2 * time.Second

// awaitConnection waits, where no server was reached at the last try, for the next
// one, for a while: gRPC would fail the call at once. It returns how long it waited.
func (r *remote) awaitConnection(ctx context.Context, most time.Duration) time.Duration {
	if r.conn.GetState() != connectivity.TransientFailure {
		return 0
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for r.conn.GetState() == connectivity.TransientFailure && r.conn.WaitForStateChange(ctx, connectivity.TransientFailure) {
	}
	return time.Since(began)
}

// Invoke implements grpc.ClientConnInterface.
func (c *Client) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	began := time.Now()
	ctx, span := traces.Start(ctx, trace.SpanKindClient, strings.TrimPrefix(method, "/"))
	var err error
	if c.remote == nil {
		err = c.conn.Invoke(carryTrace(ctx), method, args, reply, opts...)
	} else {
		err = c.remote.invoke(carryTrace(ctx), method, args, reply, opts)
	}
	span.End(err)
	called.observe(method, began, err)
	return err
}

// NewStream implements grpc.ClientConnInterface.
func (c *Client) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	conn := c.conn
	if c.remote != nil {
		if _, keyed := ctx.Value(placeOf{}).(*Place); keyed {
			var err error
			if conn, err = c.remote.keyedConn(); err != nil {
				return nil, err
			}
		} else {
			c.remote.awaitConnection(ctx, restartWithin)
		}
	}
	began := time.Now()
	stream, err := conn.NewStream(carryTrace(ctx), desc, method, opts...)
	if err != nil {
		called.observe(method, began, err)
		return nil, err
	}
	return measureStream(ctx, stream, desc, func(err error) { called.observe(method, began, err) }), nil
}

// Ready returns nil once a server in another process answers that it serves, and an error
// when one answers that it does not, as while it stops, or ctx ends first. It is not for
// clients that Local made: their server is ready before they exist.
func (c *Client) Ready(ctx context.Context) error {
	answer, err := grpc_health_v1.NewHealthClient(c.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	if now := answer.GetStatus(); now != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the server answers that it is %s", now)
	}
	return nil
}

// Remote reports whether the client's servers are in other processes.
func (c *Client) Remote() bool { return c.remote != nil }

// Close ends the client's connections.
func (c *Client) Close() error { return c.close() }
