package gateway

import (
	"cmp"
	"time"
)

// Config is what operators set of a gateway. The zero value of a field means
// its default.
type Config struct {
	// Name tells the gateways apart in logs, traces and metrics.
	Name string `json:"name,default=gateway" yaml:"name"`
	// MaxBody is the longest request body in bytes, everything counted. A
	// longer one is answered with 413.
	MaxBody int64 `json:"maxBody,default=1048576" yaml:"maxBody"`
	// MaxInFlight is how many requests may be worked on at once. More are
	// answered with 503 at once, so that a slow database makes a short queue
	// instead of a long one.
	MaxInFlight int64 `json:"maxInFlight,default=10000" yaml:"maxInFlight"`
	// Deadline is how long a request may take, from its header to its answer.
	// What works for it is told to stop then.
	Deadline time.Duration `json:"deadline,default=10s" yaml:"deadline"`
}

// WithDefaults returns c with the defaults of what is not set, for
// configurations that were not loaded from a file. The tags say the same for
// those that were; a test keeps both equal.
func (c Config) WithDefaults() Config {
	return Config{
		Name:        cmp.Or(c.Name, "gateway"),
		MaxBody:     cmp.Or(c.MaxBody, 1<<20),
		MaxInFlight: cmp.Or(c.MaxInFlight, 10_000),
		Deadline:    cmp.Or(c.Deadline, 10*time.Second),
	}
}
