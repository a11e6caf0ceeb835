package rpc

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"
)

// elsewhere names the balancer of calls. It is go-zero's, which prefers servers that
// answer fast, but for one thing: a call that is made again goes to another server, if
// there is one. go-zero's own asks each server at least once a second, however bad it is:
// where there is little to do that would as a rule be the one that has just failed.
const elsewhere = "parley_elsewhere"

func init() { balancer.Register(elsewhereBalancer{}) }

// elsewhereBalancer implements balancer.Builder.
type elsewhereBalancer struct{}

// Name implements balancer.Builder.
func (elsewhereBalancer) Name() string { return elsewhere }

// Build implements balancer.Builder.
func (elsewhereBalancer) Build(conn balancer.ClientConn, options balancer.BuildOptions) balancer.Balancer {
	return balancer.Get("p2c_ewma").Build(&elsewhereConn{ClientConn: conn}, options)
}

// elsewhereConn puts elsewherePicker around the pickers of the balancer within, and
// knows which servers are connected.
type elsewhereConn struct {
	balancer.ClientConn

	mu    sync.Mutex
	ready []balancer.SubConn
}

// NewSubConn implements balancer.ClientConn.
func (c *elsewhereConn) NewSubConn(addrs []resolver.Address, options balancer.NewSubConnOptions) (balancer.SubConn, error) {
	var made balancer.SubConn
	within := options.StateListener
	options.StateListener = func(s balancer.SubConnState) {
		c.changed(made, s.ConnectivityState == connectivity.Ready)
		within(s)
	}
	var err error
	//lint:ignore SA1019 it will change, there is no other
	made, err = c.ClientConn.NewSubConn(addrs, options)
	return made, err
}

func (c *elsewhereConn) changed(server balancer.SubConn, ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = slices.DeleteFunc(c.ready, func(other balancer.SubConn) bool { return other == server })
	if ready {
		c.ready = append(c.ready, server)
	}
}

// others returns the servers that are connected, but for one.
func (c *elsewhereConn) others(than balancer.SubConn) []balancer.SubConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.ready), func(conn balancer.SubConn) bool { return conn == than })
}

// UpdateState implements balancer.ClientConn.
func (c *elsewhereConn) UpdateState(s balancer.State) {
	s.Picker = elsewherePicker{within: s.Picker, conn: c}
	c.ClientConn.UpdateState(s)
}

// tries knows where the last try of a call went. It is the value of the key triesOf in
// the context of a call that may be made again.
type tries struct{ last atomic.Pointer[choice] }

type triesOf struct{}

// choice is a server that was chosen for a try.
type choice struct {
	conn   *elsewhereConn
	server balancer.SubConn
}

// withTries returns the context of a call that may be made again.
func withTries(ctx context.Context) (context.Context, *tries) {
	t := new(tries)
	return context.WithValue(ctx, triesOf{}, t), t
}

// elsewhere reports whether another server is connected than the one of the last try.
func (t *tries) elsewhere() bool {
	last := t.last.Load()
	return last != nil && len(last.conn.others(last.server)) > 0
}

// elsewherePicker chooses among the servers of a moment.
type elsewherePicker struct {
	within balancer.Picker
	conn   *elsewhereConn
}

var errNotAgain = status.Error(codes.Unavailable, "it has just failed")

// Pick implements balancer.Picker.
func (p elsewherePicker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	chosen, err := p.within.Pick(info)
	call, ok := info.Ctx.Value(triesOf{}).(*tries)
	if !ok || err != nil {
		return chosen, err
	}
	if last := call.last.Load(); last != nil && last.server == chosen.SubConn {
		chosen = p.instead(chosen)
	}
	call.last.Store(&choice{p.conn, chosen.SubConn})
	return chosen, nil
}

// instead returns another server than the one that has just failed, if one is connected.
// The balancer within would name the same one over and over where it is the fastest, as
// who fails at once is. The choice that is not taken counts as a call of the failed one,
// for as long as the new one lasts, which keeps others from it.
func (p elsewherePicker) instead(failed balancer.PickResult) balancer.PickResult {
	others := p.conn.others(failed.SubConn)
	if len(others) == 0 {
		return failed
	}
	return balancer.PickResult{SubConn: others[rand.IntN(len(others))], Done: func(balancer.DoneInfo) {
		if failed.Done != nil {
			failed.Done(balancer.DoneInfo{Err: errNotAgain})
		}
	}}
}
