package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parley/app"
	"parley/pkg/fault"
)

// A gateway that has enough to do says so at once, and in the form that clients
// understand.
func TestAGatewayThatIsFullSaysSo(t *testing.T) {
	config := app.Default()
	config.App.MaxInFlight, config.Group.MaxInFlight, config.Oss.MaxInFlight = 1, 1, 1
	atOneGateway(t, config, func(t *testing.T, w *world) {
		alice := w.user()
		for _, path := range []string{"/app/user/login", "/group/app/group-list", "/oss/get-token"} {
			c := dial(t, w.site.gatewayOf(path)).write(head("POST "+path+" HTTP/1.1", "Host: x", "FZM-SIGNATURE: "+alice.token(),
				"Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue"))
			// The server asks for the body once the request is being worked on.
			if line, err := c.reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
				t.Fatalf("the server says %q, error %v", line, err)
			}
			if _, err := c.reader.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			a := alice.request(http.MethodPost, path, "", nil)
			want := fmt.Sprintf(`{"result":%d,"message":"%s","data":null}`, fault.Busy, fault.Busy.Text(false))
			if a.status != http.StatusServiceUnavailable || string(a.body) != want {
				t.Errorf("%s is answered with status %d and %s, want 503 and %s", path, a.status, a.body, want)
			}
			c.write("{}").answer()
			until(t, func() bool { return alice.request(http.MethodPost, path, "", nil).status == http.StatusOK })
		}
	})
}
