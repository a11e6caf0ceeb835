package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/app/presence"
)

// connected waits until exactly these devices of somebody are connected.
func (w *world) connected(c *client, uuids ...string) {
	w.t.Helper()
	var got []string
	until(w.t, func() bool {
		p, err := presence.NewReader(w.redis).Of(w.t.Context(), c.uid())
		if err != nil {
			w.t.Fatal(err)
		}
		got = got[:0]
		for _, connection := range p.Connections {
			got = append(got, connection.UUID)
		}
		slices.Sort(got)
		return fmt.Sprint(got) == fmt.Sprint(uuids)
	})
}

func TestWhoIsConnectedIsKnown(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ann, ben := w.user(), w.user()
		ann.connect(onPhone("phone"))
		desk := ann.connect(onDesktop("desk"))
		ben.connect(onDesktop("desk"))
		w.connected(ann, "desk", "phone")
		desk.conn.NetConn().Close()
		w.connected(ann, "phone")
		ann.connect(onPhone("new phone"))
		w.connected(ann, "new phone")
		ann.connect(nil)
		w.connected(ann, "", "new phone")
		w.connected(ben, "desk")
		p, err := presence.NewReader(w.redis).Of(t.Context(), ann.uid())
		if err != nil || !p.Steady(time.Now()) || p.Steady(time.Now().Add(-time.Hour)) {
			t.Errorf("ann has been connected since %+v (%v)", p, err)
		}
	})
}
