package client

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"parley/pkg/auth"
	"parley/pkg/packet"
)

// flood is a gateway that lets everybody in and sends him more than he takes.
type flood struct{ gws.BuiltinEventHandler }

func (flood) OnMessage(socket *gws.Conn, m *gws.Message) {
	defer m.Close()
	p, err := packet.Parse(m.Bytes())
	if err != nil || p.Op != packet.Auth {
		return
	}
	socket.WriteMessage(gws.OpcodeBinary, packet.Packet{Op: packet.AuthReply, Ack: p.Seq}.Append(nil))
	for n := range uint32(200) {
		socket.WriteMessage(gws.OpcodeBinary, packet.Packet{Op: packet.ReceiveMsg, Seq: n + 1}.Append(nil))
	}
}

func TestAConnectionIsClosedWhoseNewsNobodyTakes(t *testing.T) {
	t.Parallel()
	upgrader := gws.NewUpgrader(flood{}, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if socket, err := upgrader.Upgrade(w, r); err == nil {
			go socket.ReadLoop()
		}
	}))
	defer server.Close()
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	d := dialer{url: "ws" + strings.TrimPrefix(server.URL, "http") + "/sub", key: key}
	c, err := d.dial(context.Background(), true)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(c.packets) < cap(c.packets); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d packets came", len(c.packets))
		}
	}
	c.close()
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection goes on to be read")
	}
	for n := range uint32(len(c.packets)) {
		if p := <-c.packets; p.Seq != n+1 {
			t.Errorf("packet %d follows %d", p.Seq, n)
		}
	}
}
