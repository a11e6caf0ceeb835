// Package carry moves the bytes of objects to providers over HTTP, on requests
// that were signed elsewhere. It knows neither credentials nor keys, and what the
// clouds have in common only: how S3 and those who learned from it answer a PUT.
package carry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"

	"parley/oss"
)

// How long a provider may take. How long the bytes may take is the caller's
// business: his context ends a request at any time.
const (
	dialTimeout   = 10 * time.Second
	tlsTimeout    = 10 * time.Second
	answerTimeout = time.Minute // from the last byte of the body
	// idleTimeout is below that of the providers: a request on a connection that
	// they are just closing fails and cannot be repeated.
	idleTimeout = 20 * time.Second
)

const (
	idleConnections = 64
	writeBuffer     = 64 << 10 // for the header with the first bytes of the body
)

// HTTP is an oss.Carrier for every provider that is reached over HTTP. It makes
// one attempt: a body that flows from a client is there once.
type HTTP struct {
	transport *http.Transport
}

var _ oss.Carrier = (*HTTP)(nil)

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// New returns a carrier. A nil dial is that of the net package; tests have others,
// to reach by its name what runs on this machine.
func New(dial Dial) *HTTP {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	http1 := new(http.Protocols)
	http1.SetHTTP1(true) // streams of HTTP/2 would share one connection's window
	return &HTTP{&http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return newConn(c), nil
		},
		Protocols:             http1,
		TLSHandshakeTimeout:   tlsTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          4 * idleConnections,
		MaxIdleConnsPerHost:   idleConnections,
		WriteBufferSize:       writeBuffer,
		DisableCompression:    true,
	}}
}

// Close closes the connections that are not in use.
func (h *HTTP) Close() { h.transport.CloseIdleConnections() }

// op is what errors say was tried.
const op = "send bytes"

// errAnswer is the cause of a ProviderError that an answer is the whole of.
var errAnswer = errors.New("the provider refused")

// Send implements oss.Carrier. No Read of body begins after it has returned; one
// that had begun may still be waiting for its bytes then, when ctx ended or the
// provider answered meanwhile.
//
// A Content-Length among the headers of s is what was signed; another size is
// refused here already.
func (h *HTTP) Send(ctx context.Context, s oss.Signed, body io.Reader, size int64) (string, error) {
	bytes := &exact{r: body, left: size}
	defer bytes.stop()
	request, err := newRequest(s, bytes, size)
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", s.Provider, op, err)
	}
	response, err := h.roundTrip(request.WithContext(bytes.watch(ctx)))
	if response != nil {
		defer func() { _ = response.Body.Close() }()
	}
	if failure := bytes.failure(); failure != nil {
		return "", fmt.Errorf("%s: %s: the body: %w", s.Provider, op, failure)
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("%s: %s: %w", s.Provider, op, ctx.Err())
		}
		return "", &oss.ProviderError{Provider: s.Provider, Op: op, Err: err}
	}
	if bytes.all() {
		bytes.answered()
	}
	return read(response, s.Provider, bytes)
}

// roundTrip waits for an answer, but no longer than the request's context. The
// Transport alone would wait for a Read of the body to return in any case, and a
// client may take his time. It is not used by a Client, which would follow
// redirections and put the URL into errors.
func (h *HTTP) roundTrip(request *http.Request) (*http.Response, error) {
	type result struct {
		response *http.Response
		err      error
	}
	results := make(chan result)
	ctx := request.Context()
	go func() {
		response, err := h.transport.RoundTrip(request)
		select {
		case results <- result{response, err}:
		case <-ctx.Done():
			if response != nil {
				_ = response.Body.Close()
			}
		}
	}()
	select {
	case r := <-results:
		return r.response, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// newRequest makes the request that was signed. It has no GetBody, without which
// net/http never sends a body again.
func newRequest(s oss.Signed, body *exact, size int64) (*http.Request, error) {
	u, err := asSigned(s.URL)
	if err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, fmt.Errorf("the body has %d bytes", size)
	}
	header := make(http.Header, len(s.Header)+1)
	header["User-Agent"] = nil // none
	host := u.Host
	for name, value := range maps.All(s.Header) {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Host":
			host = value
		case "Content-Length":
			if value != strconv.FormatInt(size, 10) {
				return nil, fmt.Errorf("the request was signed for %s bytes, not %d", value, size)
			}
		default:
			header.Set(name, value)
		}
	}
	request := &http.Request{
		Method: s.Method, URL: u, Host: host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: size, Body: body,
	}
	if size == 0 {
		// A length of 0 with a body means to net/http that it is unknown.
		request.Body = http.NoBody
		if _, err := body.Read(nil); err != nil && err != io.EOF {
			return nil, err
		}
	}
	return request, nil
}
