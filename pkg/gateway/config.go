package gateway

import (
	"cmp"
	"net/http"
	"net/netip"
	"time"

	"parley/pkg/scratch"
)

// Config is what operators set of a gateway. The zero value of a field means
// its default.
type Config struct {
	// Name tells the gateways apart in logs, traces and metrics.
	Name string
	// MaxBody is the longest request body in bytes, everything counted. A
	// longer one is answered with 413.
	MaxBody int64
	// MaxInFlight is how many requests may be worked on at once. More are
	// answered with 503 at once, so that a slow database makes a short queue
	// instead of a long one.
	MaxInFlight int64
	// Deadline is how long a request may take, from its header to its answer.
	// What works for it is told to stop then.
	Deadline time.Duration
	// Scratch gives each request a desk for files (see pkg/scratch). Nil: it has none.
	Scratch *scratch.Folder
	// Proxies are whose word counts on how a client came, and from where (see Origin
	// and Address).
	Proxies []netip.Prefix
	// Users and Addresses limit how many requests a user may send, and those who
	// come from one address (see Address). Nil: any number.
	Users, Addresses Limiter
	// Leaving reports whether the process was told to stop and still takes requests.
	// Then each answer tells the client that its connection ends with it. One that was
	// kept would be closed just as somebody sends his next request on it, and nobody
	// could tell what became of that. Nil: it never was.
	Leaving func() bool
}

// endConnection has an answer end its connection if the process is to stop.
func (c *Config) endConnection(answer http.Header) {
	if c.Leaving != nil && c.Leaving() {
		answer.Set("Connection", "close")
	}
}

// Limiter counts what is done in the name of a key. Where that is too much it returns
// false, and how long to wait.
type Limiter interface {
	Take(key string) (ok bool, wait time.Duration)
}

// WithDefaults returns c with the defaults in place of zero values.
func (c Config) WithDefaults() Config {
	return Config{
		Name:        cmp.Or(c.Name, "gateway"),
		MaxBody:     cmp.Or(c.MaxBody, 1<<20),
		MaxInFlight: cmp.Or(c.MaxInFlight, 10_000),
		Deadline:    cmp.Or(c.Deadline, 10*time.Second),
		Scratch:     c.Scratch,
		Proxies:     c.Proxies,
		Users:       c.Users,
		Addresses:   c.Addresses,
		Leaving:     c.Leaving,
	}
}
