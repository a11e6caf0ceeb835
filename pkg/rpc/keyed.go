package rpc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// byKey names the balancer of streams that have a key.
const byKey = "parley_key"

func init() { balancer.Register(keyBalancer{}) }

// avoidFor is how long a server may be avoided. It is as long as keepalives take to find
// that a server is frozen: after that it is either not connected any more or may be well.
var avoidFor = clientKeepalive.Time + clientKeepalive.Timeout

// Place is where a stream with a key goes.
type Place struct {
	key   int
	addr  string // where it went last, of the lock of places
	moved chan struct{}
	once  sync.Once
	among atomic.Pointer[places] // nil until a server was chosen
}

// Moved is closed when the key names another server than the one that the stream went
// to. The stream is not touched; who opened it may end it and open a new one.
func (p *Place) Moved() <-chan struct{} { return p.moved }

// Avoid is for who hears nothing on the stream: for a while no key names its server, as
// long as that stays connected. It reports whether the key names another one now. That it
// does not where no other is connected, or where another one is avoided already: when
// all are slow, what they share is, and sending everything again to and fro would make it
// slower.
func (p *Place) Avoid() bool {
	among := p.among.Load()
	return among != nil && among.avoid(p)
}

func (p *Place) move() { p.once.Do(func() { close(p.moved) }) }

// placeOf is the key under which a context has the place of its stream.
type placeOf struct{}

// ByKey returns a context for one stream, which goes to the server that key names among
// those that are there: from every process to the same one. The servers take turns, in
// the order of their addresses, so keys from 0 on spread evenly. In the same process there is
// one server, and nothing moves.
func ByKey(ctx context.Context, key int) (context.Context, *Place) {
	p := &Place{key: key, moved: make(chan struct{})}
	return context.WithValue(ctx, placeOf{}, p), p
}

// keyBalancer implements balancer.Builder.
type keyBalancer struct{}

// Name implements balancer.Builder.
func (keyBalancer) Name() string { return byKey }

// Build implements balancer.Builder.
func (keyBalancer) Build(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	return base.NewBalancerBuilder(byKey, &places{streams: make(map[*Place]string)}, base.Config{}).Build(conn, options)
}

// places are the streams on one set of connections, each with the address it went to.
type places struct {
	mu      sync.Mutex
	servers []server // that are connected, in the order of their addresses
	avoided *avoided // or nil
	streams map[*Place]string
}

type server struct {
	addr string
	conn balancer.SubConn
}

type avoided struct{ addr string }

// Build implements base.PickerBuilder. It is called whenever a connection comes or goes.
func (p *places) Build(info base.PickerBuildInfo) balancer.Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	servers := make([]server, 0, len(info.ReadySCs))
	for conn, about := range info.ReadySCs {
		servers = append(servers, server{about.Address.Addr, conn})
	}
	slices.SortFunc(servers, func(a, b server) int { return strings.Compare(a.addr, b.addr) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.servers = servers
	if p.avoided != nil && (len(servers) == 1 || len(p.others(p.avoided.addr)) == len(servers)) {
		p.avoided = nil // it is gone, or the only one
	}
	p.settle()
	return p
}

// settle tells the streams whose keys name other servers now.
func (p *places) settle() {
	for stream, addr := range p.streams {
		if p.named(stream.key).addr != addr {
			stream.move()
			delete(p.streams, stream)
		}
	}
}

// named returns the server that key names. While one is avoided its keys are spread over
// the others, and no other key moves.
func (p *places) named(key int) server {
	named := p.servers[key%len(p.servers)]
	if p.avoided != nil && p.avoided.addr == named.addr {
		others := p.others(named.addr)
		return others[key%len(others)]
	}
	return named
}

// others returns the servers but for one.
func (p *places) others(than string) []server {
	return slices.DeleteFunc(slices.Clone(p.servers), func(s server) bool { return s.addr == than })
}

func (p *places) avoid(stream *Place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.servers) == 0 {
		return false
	}
	if p.named(stream.key).addr != stream.addr {
		return true
	}
	if p.avoided != nil || len(p.servers) == 1 {
		return false
	}
	now := &avoided{stream.addr}
	p.avoided = now
	time.AfterFunc(avoidFor, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.avoided == now {
			p.avoided = nil
			p.settle()
		}
	})
	p.settle()
	return true
}

var errNoKey = errors.New("a stream without a key on the connections for keys")

// Pick implements balancer.Picker. It remembers where a stream goes until it ends.
func (p *places) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	stream, ok := info.Ctx.Value(placeOf{}).(*Place)
	if !ok {
		return balancer.PickResult{}, errNoKey
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	chosen := p.named(stream.key)
	p.streams[stream], stream.addr = chosen.addr, chosen.addr
	stream.among.Store(p)
	context.AfterFunc(info.Ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.streams, stream)
	})
	return balancer.PickResult{SubConn: chosen.conn}, nil
}
