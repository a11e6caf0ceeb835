package gateway

import (
	"net/http"
	"strconv"
	"time"

	"parley/pkg/fault"
	"parley/pkg/reply"
)

// Reason is why a request was refused before anybody looked at it.
type Reason string

// The reasons, as the metric has them.
const (
	// InFlight: too many requests are being worked on.
	InFlight Reason = "in_flight"
	// RateUser and RateAddress: the user sends too much, or the address.
	RateUser    Reason = "rate_user"
	RateAddress Reason = "rate_address"
	// Connections: too many connections are open.
	Connections Reason = "connections"
)

// Busy answers a request with 503: there is too much to do, whoever asks.
func Busy(w http.ResponseWriter, r *http.Request, gateway string, why Reason) {
	refusedTotal.WithLabelValues(gateway, string(why)).Inc()
	reply.Write(w, r, nil, fault.Overloaded)
}

// TooMany answers a request with 429: he who asks does so too often, or has too many
// connections. Retry-After says in whole seconds when he may come again, where that is
// known.
func TooMany(w http.ResponseWriter, r *http.Request, gateway string, why Reason, wait time.Duration) {
	refusedTotal.WithLabelValues(gateway, string(why)).Inc()
	if wait > 0 {
		header := w.Header()
		header.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
		// Scripts in browsers see no other header than those that are named.
		header.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	reply.Status(w, r, http.StatusTooManyRequests)
}
