package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// byKey names the balancer of streams that have a key.
const byKey = "parley_key"

func init() { balancer.Register(keyBalancer{}) }

// place is where a stream with a key goes.
type place struct {
	key   string
	moved chan struct{}
	once  sync.Once
}

func (p *place) move() { p.once.Do(func() { close(p.moved) }) }

// placeOf is the key under which a context has the place of its stream.
type placeOf struct{}

// ByKey returns a context for one stream, which goes to the server that key names among
// those that are there: from every process to the same one. moved is closed when the key
// names another server than the one that the stream went to, because servers came or
// went. The stream is not touched; who opened it may end it and open a new one. In the
// same process there is one server, and nothing moves.
func ByKey(ctx context.Context, key string) (_ context.Context, moved <-chan struct{}) {
	p := &place{key: key, moved: make(chan struct{})}
	return context.WithValue(ctx, placeOf{}, p), p.moved
}

// keyBalancer implements balancer.Builder.
type keyBalancer struct{}

// Name implements balancer.Builder.
func (keyBalancer) Name() string { return byKey }

// Build implements balancer.Builder.
func (keyBalancer) Build(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	return base.NewBalancerBuilder(byKey, &places{streams: make(map[*place]string)}, base.Config{}).Build(conn, options)
}

// places are the streams on one set of connections, each with the address it went to.
type places struct {
	mu      sync.Mutex
	now     servers
	streams map[*place]string
}

// servers are those that are connected, by their addresses.
type servers map[string]balancer.SubConn

// Build implements base.PickerBuilder. It is called whenever a connection comes or goes.
func (p *places) Build(info base.PickerBuildInfo) balancer.Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	now := make(servers, len(info.ReadySCs))
	for conn, about := range info.ReadySCs {
		now[about.Address.Addr] = conn
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
	for stream, addr := range p.streams {
		if now.named(stream.key) != addr {
			stream.move()
			delete(p.streams, stream)
		}
	}
	return keyPicker{places: p, servers: now}
}

// add remembers where a stream goes until it ends.
func (p *places) add(ctx context.Context, stream *place, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now.named(stream.key) != addr { // servers came or went meanwhile
		stream.move()
		return
	}
	p.streams[stream] = addr
	context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.streams, stream)
	})
}

// named returns the server that key names: the one whose address has the highest hash
// together with it. So a server that comes or goes moves no key but its own.
func (s servers) named(key string) (addr string) {
	var highest uint64
	for candidate := range s {
		sum := sha256.Sum256([]byte(candidate + "\x00" + key))
		if hash := binary.BigEndian.Uint64(sum[:]); addr == "" || hash > highest || hash == highest && candidate < addr {
			addr, highest = candidate, hash
		}
	}
	return addr
}

// keyPicker chooses among the servers of a moment.
type keyPicker struct {
	places *places
	servers
}

var errNoKey = errors.New("a stream without a key on the connections for keys")

// Pick implements balancer.Picker.
func (k keyPicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	stream, ok := info.Ctx.Value(placeOf{}).(*place)
	if !ok {
		return balancer.PickResult{}, errNoKey
	}
	addr := k.named(stream.key)
	k.places.add(info.Ctx, stream, addr)
	return balancer.PickResult{SubConn: k.servers[addr]}, nil
}
