package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"parley/pkg/fault"
)

// origin is what a request says of the address that it was sent to.
type origin struct {
	request *http.Request
	proxies []netip.Prefix
}

// Origin returns the scheme and host by which the client of a request reached the
// gateway, such as https://chat.example.com: its Host header, or what one of the
// configured proxies says in X-Forwarded-Proto and X-Forwarded-Host.
func Origin(ctx context.Context) (string, error) {
	o := of(ctx).origin
	if o.request == nil {
		return "", fault.Invalid("Host", "is missing")
	}
	scheme, host := "http", o.request.Host
	if o.request.TLS != nil {
		scheme = "https"
	}
	if o.throughProxy() {
		if said := forwarded(o.request.Header, "X-Forwarded-Proto"); said == "http" || said == "https" {
			scheme = said
		}
		if said := forwarded(o.request.Header, "X-Forwarded-Host"); said != "" {
			host = said
		}
	}
	if !isHost(host) {
		return "", fault.Invalid("Host", "is not a host")
	}
	return scheme + "://" + host, nil
}

// throughProxy reports whether the request came from a configured proxy.
func (o origin) throughProxy() bool {
	from, err := netip.ParseAddrPort(o.request.RemoteAddr)
	return err == nil && contains(o.proxies, from.Addr().Unmap())
}

// forwarded returns what the proxy nearest to the client said: each one appends.
func forwarded(header http.Header, name string) string {
	first, _, _ := strings.Cut(header.Get(name), ",")
	return strings.TrimSpace(first)
}

// maxHost is the longest name of a host, with its port, in bytes.
const maxHost = 255 + len(":65535")

// isHost reports whether text is a host, perhaps with a port, and nothing that
// would mean something else within a URL.
func isHost(text string) bool {
	if text == "" || len(text) > maxHost {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		}
		return !strings.ContainsRune(".-_:[]", r)
	})
}
