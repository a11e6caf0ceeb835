package e2e

import (
	"io"
	"testing"
	"time"

	"parley/app"
	"parley/pkg/fault"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb/sqldbtest"
)

// drip writes a text byte by byte, for as long as the other side puts up with
// it, and returns what that one said.
func (c *rawConn) drip(text string) <-chan string {
	said := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(c.reader) // hanging up in any way is an answer
		said <- string(all)
	}()
	go func() {
		for i := range text {
			if _, err := c.Write([]byte{text[i]}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return said
}

// Clients that are slow on purpose lose their connections, so that nobody can
// keep thousands of them for nothing.
func TestAClientThatNeverFinishesIsHungUpOn(t *testing.T) {
	t.Parallel()
	config := app.Default()
	config.App.ReadTimeout, config.Group.ReadTimeout, config.Oss.ReadTimeout = time.Second, time.Second, time.Second
	// How services are called makes no difference to connections.
	s := startTogether(t, config, app.Backends{DB: sqldbtest.New(t), Redis: redistest.New(t)})
	alice := newUser(t, s)
	begun := head("POST /app/user/login HTTP/1.1", "Host: x", "FZM-SIGNATURE: "+alice.token(), "Content-Type: application/json", "Content-Length: 100000")
	for name, said := range map[string]<-chan string{
		"a head without an end": dial(t, s.app).drip("POST /app/user/login HTTP/1.1\r\nFZM-UUID: " + long(100_000)),
		"a body without an end": dial(t, s.app).write(begun).drip(long(100_000)),
		"a silent client":       dial(t, s.app).drip(""),
	} {
		select {
		case <-said:
		case <-time.After(30 * time.Second):
			t.Errorf("%s keeps its connection for half a minute", name)
		}
	}
	alice.post("/app/user/login", map[string]any{}).want(t, fault.OK)
}
