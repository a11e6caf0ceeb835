// Package outbound is how the adapters of clouds reach them over HTTP, and what they
// may tell of it when it fails.
package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of a connection. A whole call ends with its context, since it may take long
// to join the parts of a large object; these find a peer that is gone.
const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 5 * time.Second
	idleTimeout      = time.Minute
	idlePerHost      = 32
)

// Client returns a client of its own connections. It follows no redirect: the target
// of one would not fit the signature, and gets no credentials from us.
func Client() *http.Client {
	return &http.Client{
		Transport: Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// Transport returns a transport of its own connections.
func Transport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		TLSHandshakeTimeout: handshakeTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: idlePerHost,
		DisableCompression:  true, // the length of an object is that of its bytes
	}
}

// dial connects. Names below "localhost" are the loopback address, as RFC 6761,
// section 6.3 wants it; resolvers of containers do not know them. A store that is
// addressed by a domain of the bucket is so reachable without a name server.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil && IsLocal(host) {
		address = net.JoinHostPort(Localhost, port)
	}
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
}

// Localhost is the name of the own machine that every resolver knows.
const Localhost = "localhost"

// IsLocal reports whether host is a name below localhost, such as bucket.localhost.
func IsLocal(host string) bool { return strings.HasSuffix(host, "."+Localhost) }

// Base reads an address such as https://oss.example.com, with or without its scheme,
// which is https where it is missing: credentials do not travel in the clear because
// a word was forgotten. Paths and the like are not allowed.
func Base(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(strings.TrimRight(address, "/"))
	switch {
	case err != nil:
		return nil, errors.New("the address cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the scheme of the address is neither http nor https")
	case u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "":
		return nil, errors.New("the address must be a scheme, a host and perhaps a port")
	}
	return u, nil
}

// maxText is how many bytes of a cloud's words are kept.
const maxText = 256

// Cause returns what may be told of err: not the URL of the request, which can be a
// signed one, and no more than a few words. The chain of err stays where it is known
// to hold neither.
func Cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	var n net.Error
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) {
		return err
	}
	return Words(err.Error())
}

// Words returns the words of a cloud as an error, shortened.
func Words(text string) error {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " …"
	}
	if text == "" {
		text = "no reason was given"
	}
	return errors.New(text)
}
