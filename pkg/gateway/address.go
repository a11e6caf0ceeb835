package gateway

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many proxies may stand in a row. It also bounds what a header
// full of addresses costs.
const maxHops = 16

// Address returns the network that a request came from, as limits for addresses
// understand it: one IPv4 address, or the 64 bits of an IPv6 address that belong to
// one subscriber, who has all addresses below. It is not valid where the server does
// not know.
//
// What X-Forwarded-For says counts as far as one of proxies said it. Each proxy
// appends whom it was called by, so the header is read from its end, up to the first
// address that is no proxy: what stands before that, a client may have made up.
func Address(r *http.Request, proxies []netip.Prefix) netip.Prefix {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr := peer.Addr().Unmap()
	if len(proxies) > 0 {
		addr = behind(addr, r.Header["X-Forwarded-For"], proxies)
	}
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	// The bits fit the address, so there is no error.
	network, _ := addr.WithZone("").Prefix(bits)
	return network
}

// behind returns whom the proxies act for, beginning with addr.
func behind(addr netip.Addr, header []string, proxies []netip.Prefix) netip.Addr {
	hops := 0
	for i := len(header) - 1; i >= 0; i-- {
		for list, more := header[i], true; more; hops++ {
			if hops == maxHops || !contains(proxies, addr) {
				return addr
			}
			var last string
			if comma := strings.LastIndexByte(list, ','); comma >= 0 {
				list, last = list[:comma], list[comma+1:]
			} else {
				list, last, more = "", list, false
			}
			said, ok := parseForwarded(strings.TrimSpace(last))
			if !ok {
				return addr
			}
			addr = said
		}
	}
	return addr
}

// parseForwarded reads an address, with a port or without.
func parseForwarded(text string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return addr.Unmap(), true
	}
	with, err := netip.ParseAddrPort(text)
	return with.Addr().Unmap(), err == nil
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}
