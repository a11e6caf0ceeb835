package gateway

import (
	"net/http"
	"strings"
)

// The headers that clients send. Tokens go in a header and never in a cookie,
// so any origin may call without acting in somebody's name.
const (
	headerToken      = "Fzm-Signature"
	headerUUID       = "Fzm-Uuid"
	headerDevice     = "Fzm-Device"
	headerDeviceName = "Fzm-Device-Name"
	headerVersion    = "Fzm-Version"
)

// The values are shared by all answers; nothing appends to them.
var (
	anyOrigin      = []string{"*"}
	allowedMethods = []string{"GET, HEAD, POST, OPTIONS"}
	allowedHeaders = []string{strings.Join([]string{"Content-Type",
		headerToken, headerUUID, headerDevice, headerDeviceName, headerVersion}, ", ")}
	preflightAge = []string{"86400"}
)

// cors lets browsers call from any origin, and answers their preflights.
func (g *Gateway) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["Access-Control-Allow-Origin"] = anyOrigin
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		header["Access-Control-Allow-Methods"] = allowedMethods
		header["Access-Control-Allow-Headers"] = allowedHeaders
		header["Access-Control-Max-Age"] = preflightAge
		g.config.endConnection(header)
		w.WriteHeader(http.StatusNoContent)
	})
}
