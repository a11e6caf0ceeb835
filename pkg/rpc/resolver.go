package rpc

import (
	"context"

	"github.com/zeromicro/go-zero/core/logx"
	"google.golang.org/grpc/resolver"
)

// scheme is that of the targets of clients, parley:///service.
const scheme = "parley"

// finder finds the servers of a client, and implements resolver.Builder: it tells gRPC
// where they are. go-zero's own takes at most 32 of them, each client others, so that a
// key would not name the same server everywhere.
type finder struct{ config ClientConfig }

// Scheme implements resolver.Builder.
func (finder) Scheme() string { return scheme }

// Build implements resolver.Builder.
func (f finder) Build(_ resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	ctx, stop := context.WithCancel(context.Background())
	search := search{stop: stop, stopped: make(chan struct{})}
	report := func(addresses []string) {
		state := resolver.State{}
		for _, addr := range addresses {
			state.Addresses = append(state.Addresses, resolver.Address{Addr: addr})
		}
		if err := conn.UpdateState(state); err != nil {
			logx.Errorf("use the addresses %v of %s: %v", addresses, f.config.Service, err)
		}
	}
	if f.config.Registry == nil || len(f.config.Endpoints) > 0 {
		close(search.stopped)
		report(f.config.Endpoints)
		return search, nil
	}
	go func() {
		defer close(search.stopped)
		f.config.Registry.follow(ctx, f.config.Service, report)
	}()
	return search, nil
}

// search is a finder at work.
type search struct {
	stop    context.CancelFunc
	stopped chan struct{}
}

// ResolveNow implements resolver.Resolver. What there is to know was told already.
func (search) ResolveNow(resolver.ResolveNowOptions) {}

// Close implements resolver.Resolver.
func (s search) Close() {
	s.stop()
	<-s.stopped
}
