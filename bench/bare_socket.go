package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/lxzan/gws"
)

// bareSockets is an Event of gws that does nothing but to hand over the sockets
// that are opened.
type bareSockets struct {
	gws.BuiltinEventHandler
	opened chan *gws.Conn
}

// OnOpen implements gws.Event.
func (b bareSockets) OnOpen(socket *gws.Conn) { b.opened <- socket }

// serveBareSockets is the life of a bare socket server. It reads from in how many
// sockets there will be and the message as hexadecimal digits, in a line, writes
// its address to out, and once all are open it writes the message to one socket
// after the other, over and over. It ends with in.
func serveBareSockets(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the message to write: %w", err)
	}
	var count int
	var digits string
	if _, err := fmt.Sscan(line, &count, &digits); err != nil {
		return fmt.Errorf("read the message to write: %w", err)
	}
	message, err := hex.DecodeString(digits)
	if err != nil {
		return fmt.Errorf("read the message to write: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	opened := make(chan *gws.Conn)
	upgrader := gws.NewUpgrader(bareSockets{opened: opened}, nil)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if socket, err := upgrader.Upgrade(w, r); err == nil {
			go socket.ReadLoop()
		}
	})}
	go fanOut(opened, count, message)
	go func() {
		_, _ = lines.ReadByte() // nothing comes but the end
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// fanOut is the bare loop. It ends when a client leaves.
func fanOut(opened <-chan *gws.Conn, count int, message []byte) {
	sockets := make([]*gws.Conn, count)
	for i := range sockets {
		sockets[i] = <-opened
	}
	for {
		for _, s := range sockets {
			if s.WriteMessage(gws.OpcodeBinary, message) != nil {
				return
			}
		}
	}
}
