package rpc

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/core/netx"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// Server offers services to callers in the same process, and once it listens
// to others too. Services are registered before either.
//
// On the network it is what zrpc's clients expect, a gRPC server with the
// health service and a registration in etcd, but it is not a zrpc.RpcServer.
// That one cannot be told to stop: it ends when the process gets a signal, at
// the same moment as everything else, so requests that gateways still work on
// would lose the services under them; it hides the port when asked for a free
// one; and its interceptors, which are the rest of what it does, would leave
// the calls in the same process without traces and recovery.
type Server struct {
	name     string
	local    inprocgrpc.Channel
	network  *grpc.Server
	health   *health.Server
	listener net.Listener
	leave    func()
	// draining is closed when the server begins to stop.
	draining chan struct{}
}

var _ grpc.ServiceRegistrar = (*Server)(nil)

// keepalives find out that the other side is gone without a word: the client, for
// whom people wait, within fifteen seconds (gRPC asks no earlier than after ten), the
// server within half a minute. The server must permit what the client does, or it
// hangs up; it permits twice as much, because two pings may come closer to each other
// than they were sent.
var (
	clientKeepalive = keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}
	serverPolicy    = keepalive.EnforcementPolicy{MinTime: 5 * time.Second}
	serverKeepalive = keepalive.ServerParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}
)

const (
	// maxMessage is the longest request in bytes, and gRPC's own default, which callers
	// have for answers. Both stay far below: gateways hold 1 MiB of a request (see
	// pkg/bind), and what may be longer than that is answered in pages or streams.
	maxMessage = 4 << 20
	// maxStreams is how many calls one connection, that is one gateway, may have under
	// way. More wait with the caller, as long as their time allows.
	maxStreams = 10_000
	// handshakeTimeout frees the connections of those who say nothing.
	handshakeTimeout = 10 * time.Second
)

// NewServer returns a server without services. The name is the one under
// which they are found.
func NewServer(name string) *Server {
	s := &Server{name: name, health: health.NewServer(), leave: func() {}, draining: make(chan struct{})}
	s.local.WithServerUnaryInterceptor(guardUnary).WithServerStreamInterceptor(guardStream)
	s.network = grpc.NewServer(
		grpc.ChainUnaryInterceptor(guardUnary),
		grpc.ChainStreamInterceptor(s.drainStream, guardStream),
		grpc.KeepaliveEnforcementPolicy(serverPolicy),
		grpc.KeepaliveParams(serverKeepalive),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
	)
	grpc_health_v1.RegisterHealthServer(s.network, s.health)
	return s
}

// RegisterService adds a service, for callers inside and outside.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, implementation any) {
	s.local.RegisterService(desc, implementation)
	s.network.RegisterService(desc, implementation)
}

// Local returns a client for callers in the same process.
func (s *Server) Local(timeout time.Duration) *Client {
	return &Client{conn: &s.local, timeout: timeout, close: func() error { return nil }}
}

// ServerConfig says where a server is reached.
type ServerConfig struct {
	// Listen is a host and port. Port 0 is any free one.
	Listen string
	// Advertise is the host and port that callers find in the registry.
	// Default: Listen, or this machine's first outside address where Listen
	// names no host.
	Advertise string
	// Registry is where callers look. Without one they know the address.
	Registry *Registry
}

// Listen offers the services on the network. When it returns, the port is
// open, its number known and the server registered, or as soon as the registry
// answers. fail is called when the server dies later on.
func (s *Server) Listen(c ServerConfig, fail func(error)) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen for calls of %s: %w", s.name, err)
	}
	s.listener = listener
	go func() {
		if err := s.network.Serve(listener); err != nil {
			fail(fmt.Errorf("serve calls of %s: %w", s.name, err))
		}
	}()
	if c.Registry != nil {
		s.leave = c.Registry.enter(s.name, advertised(c, listener.Addr().String()))
	}
	logx.Infof("%s answers calls on %s", s.name, listener.Addr())
	return nil
}

// Addr is where the server listens, with the port that it got.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Stop takes the server out of the registry, ends the streams that clients
// keep open, finishes the other calls and closes the port. Calls that are not
// finished when ctx ends are cut. Callers in the same process are not its
// business: they are modules that stop before.
func (s *Server) Stop(ctx context.Context) error {
	s.leave()
	s.health.Shutdown()
	close(s.draining)
	done := make(chan struct{})
	go func() {
		s.network.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.network.Stop()
		<-done
		return fmt.Errorf("finish the calls of %s: %w", s.name, context.Cause(ctx))
	}
}

// advertised is the address that callers are told: as configured, else where
// the server listens. A server that listens everywhere names one address of
// its machine, in Kubernetes that of its pod.
func advertised(c ServerConfig, listening string) string {
	if c.Advertise != "" {
		return c.Advertise
	}
	host, port, err := net.SplitHostPort(listening)
	if err != nil || !net.ParseIP(host).IsUnspecified() {
		return listening
	}
	if pod := os.Getenv("POD_IP"); pod != "" {
		return net.JoinHostPort(pod, port)
	}
	return net.JoinHostPort(netx.InternalIp(), port)
}
