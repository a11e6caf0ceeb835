package e2e

import (
	"net/http"
	"slices"
	"testing"

	"parley/pkg/fault"
)

var english = map[string]string{"Accept-Language": "en-GB,en;q=0.9"}

// everyRoute is what holds for all routes: the token comes before everything
// else, then the shape of the request.
func everyRoute(tb *table) []row {
	rows := []row{
		{name: "no token", from: none, result: fault.BadSignature},
		{name: "no token, in English", from: none, headers: english, result: fault.BadSignature},
		{name: "no token and no sense", from: none, body: raw{"application/json", "{"}, result: fault.BadSignature},
		{name: "a token that is none", from: garbage, result: fault.BadSignature},
		{name: "somebody else's signature", from: forged, result: fault.BadSignature},
		{name: "a signature of another time", from: moved, result: fault.BadSignature},
		{name: "an old token", from: old, result: fault.SignatureExpired},
		{name: "an old token, in English", from: old, headers: english, result: fault.SignatureExpired},
		{name: "a token of the future", from: early, result: fault.SignatureExpired},
		{name: "PUT", method: http.MethodPut, status: http.StatusMethodNotAllowed, result: fault.Unsupported},
		{name: "DELETE without a token", method: http.MethodDelete, from: none, status: http.StatusMethodNotAllowed, result: fault.Unsupported},
		{name: "a path below the route", path: tb.route + "/more", status: http.StatusNotFound, result: fault.Unsupported},
		{name: "the name of a device that is too long", headers: map[string]string{"FZM-DEVICE-NAME": long(256)}, result: fault.BadRequest, field: "FZM-DEVICE-NAME"},
	}
	if !tb.get {
		rows = append(rows, row{name: "GET", method: http.MethodGet, status: http.StatusMethodNotAllowed, result: fault.Unsupported})
	}
	if tb.prefix != "" {
		under := tb.prefix + tb.route
		rows = append(rows,
			row{name: "without a token under the prefix", path: under, from: none, result: fault.BadSignature},
			row{name: "GET under the prefix", path: under, method: http.MethodGet, status: http.StatusMethodNotAllowed, result: fault.Unsupported})
	}
	return rows
}

func long(n int) string { return string(slices.Repeat([]byte("x"), n)) }

// tables has every route.
var tables = slices.Concat(callTables, recordTables, userTables, groupTables, ossTables)

func TestEveryRouteAnswersAsItsTableSays(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, tb := range tables {
			t.Run(tb.route, func(t *testing.T) {
				s := newScene(w.in(t))
				if tb.set != nil {
					tb.set(s)
				}
				rows := slices.Concat(everyRoute(&tb), tb.rows)
				for _, r := range rows {
					t.Run(r.name, func(t *testing.T) { s.run(t, &tb, r) })
				}
				t.Run("the preflight of a browser", func(t *testing.T) { preflight(t, w.site.url(tb.route)) })
			})
		}
	})
}
