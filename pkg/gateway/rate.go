package gateway

import "net/http"

// limitAddress answers at once who comes from an address from which too much comes.
// It stands before the token: to verify a signature takes longer than to ask here.
func (g *Gateway) limitAddress(next http.Handler) http.Handler {
	if g.config.Addresses == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from := Address(r, g.config.Proxies); from.IsValid() {
			if ok, wait := g.config.Addresses.Take(from.String()); !ok {
				TooMany(w, r, g.config.Name, RateAddress, wait)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// limitUser answers at once a user who sends too much.
func (g *Gateway) limitUser(next http.Handler) http.Handler {
	if g.config.Users == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ok, wait := g.config.Users.Take(string(UID(r.Context()))); !ok {
			TooMany(w, r, g.config.Name, RateUser, wait)
			return
		}
		next.ServeHTTP(w, r)
	})
}
