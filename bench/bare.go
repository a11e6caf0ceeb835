package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// bareServer is a process with the least that a Go program can do: see serveBare
// and serveBareSockets.
type bareServer struct {
	address string
	pid     int
	stop    func() error
}

// startBare starts this program again as the bare server of a flag, and tells it
// a line.
func startBare(ctx context.Context, flag, line string) (*bareServer, error) {
	return startSelf(ctx, line, flag)
}

// startSelf starts this program again with flags, and tells it a line.
func startSelf(ctx context.Context, line string, flags ...string) (*bareServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, flags...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("talk to the bare server: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("listen to the bare server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the bare server: %w", err)
	}
	s := &bareServer{pid: cmd.Process.Pid, stop: func() error { return errors.Join(in.Close(), cmd.Wait()) }}
	if _, err = fmt.Fprintln(in, line); err == nil {
		s.address, err = bufio.NewReader(out).ReadString('\n')
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the bare server: %w", err), s.stop())
	}
	s.address = strings.TrimSpace(s.address)
	return s, nil
}

// serveBare is the life of a bare server of requests, which reads the body of each
// and gives the same answer to all: it reads that as a line from in, writes its
// address to out, and ends with in.
func serveBare(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	answer, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the answer to give: %w", err)
	}
	answer = answer[:len(answer)-1]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	return serveUntil(lines, listener, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // the client has left
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer) // an error means the same
	})
}

// serveUntil answers until nothing comes from lines any more.
func serveUntil(lines *bufio.Reader, listener net.Listener, handler http.HandlerFunc) error {
	server := &http.Server{Handler: handler}
	go func() {
		_, _ = lines.ReadByte() // nothing comes but the end
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
