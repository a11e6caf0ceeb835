package connect

import (
	"net/http"
	"net/netip"
	"sync"

	"parley/pkg/gateway"
)

// Budget is the number of connections that the whole process may have.
type Budget interface {
	// Take takes a place and reports whether there was one.
	Take() bool
	Release()
}

// places counts the sockets of a gateway, from before they are made until they are
// closed.
type places struct {
	most, mostPerAddress int // 0: any number
	budget               Budget

	mu        sync.Mutex
	taken     int
	byAddress map[netip.Prefix]int // empty where mostPerAddress is 0
}

func newPlaces(config Config, budget Budget) *places {
	return &places{
		most: config.MaxConns, mostPerAddress: config.MaxPerAddress, budget: budget, byAddress: make(map[netip.Prefix]int),
	}
}

// refusal is why there is no place.
type refusal int

const (
	granted        refusal = iota
	full                   // the gateway has no place
	fullForAddress         // the address has none
)

// take takes a place for a socket that comes from an address.
func (p *places) take(from netip.Prefix) refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := p.mostPerAddress > 0 && from.IsValid()
	switch {
	case p.most > 0 && p.taken >= p.most:
		return full
	case counts && p.byAddress[from] >= p.mostPerAddress:
		return fullForAddress
	case p.budget != nil && !p.budget.Take():
		return full
	}
	p.taken++
	if counts {
		p.byAddress[from]++
	}
	return granted
}

// release gives back a place that take has granted.
func (p *places) release(from netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.budget != nil {
		p.budget.Release()
	}
	if p.byAddress[from]--; p.byAddress[from] <= 0 {
		delete(p.byAddress, from)
	}
}

// name is that of the socket gateway in metrics.
const name = "connect"

// admit finds a place for the socket that a request asks for, or answers the request:
// it is no socket yet, so a client sees a plain answer.
func (g *Gateway) admit(w http.ResponseWriter, r *http.Request) (from netip.Prefix, ok bool) {
	from = gateway.Address(r, g.config.Proxies)
	if g.services.Addresses != nil && from.IsValid() {
		if ok, wait := g.services.Addresses.Take(from.String()); !ok {
			gateway.TooMany(w, r, name, gateway.RateAddress, wait)
			return from, false
		}
	}
	switch g.places.take(from) {
	case full:
		gateway.Busy(w, r, name, gateway.Connections)
		return from, false
	case fullForAddress:
		gateway.TooMany(w, r, name, gateway.Connections, 0)
		return from, false
	}
	return from, true
}
