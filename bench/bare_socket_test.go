package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestBareSocketServerWritesItsMessageToAllOverAndOver(t *testing.T) {
	t.Parallel()
	const sockets, rounds = 3, 5
	want := packet{op: opReceiveMsg, seq: 1, body: []byte("hello")}
	input, control := io.Pipe()
	said, output := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveBareSockets(input, output) }()
	if _, err := fmt.Fprintf(control, "%d %x\n", sockets, want.appendBare(nil)); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var opened []*socket
	for range sockets {
		s, err := dialSocket(strings.TrimSpace(address))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.silent = true
		opened = append(opened, s)
	}
	for i, s := range opened {
		for got := 0; got < rounds; {
			if err := s.read(func(p packet) error {
				got++
				if p.op != want.op || string(p.body) != string(want.body) {
					t.Errorf("socket %d gets packet %d with %q", i, p.op, p.body)
				}
				return nil
			}); err != nil {
				t.Fatalf("socket %d: %v", i, err)
			}
		}
	}
	if err := control.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
