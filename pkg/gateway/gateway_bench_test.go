package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/zeromicro/go-zero/rest"

	"parley/pkg/bind"
	"parley/pkg/gateway"
	"parley/pkg/reply"
)

// BenchmarkRefusedForItsShape compares a request with a known token that is
// refused for its shape to a bare net/http handler that reads the body and
// answers the same, in CPU of the server alone: the clients are a process of
// their own. The gateway should stay below twice the bare handler.
func BenchmarkRefusedForItsShape(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		answer := []byte(`{"result":-1012,"message":"请求参数错误: count must be in the range [1:1000]","data":null}`)
		benchmark(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				b.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			if _, err := w.Write(answer); err != nil {
				b.Error(err)
			}
		}))
	})
	b.Run("gateway", func(b *testing.B) {
		// The log goes to a file as it does in production, with a system
		// call for every line.
		file, err := os.Create(filepath.Join(b.TempDir(), "access.log"))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		benchmark(b, syncGateway(b, file))
	})
}

// syncReq is the request of sync-record, as goctl generates it.
type syncReq struct {
	MaxCount int64 `json:"count,range=[1:1000]"`
	StartMid int64 `json:"start,optional"`
}

func syncGateway(b *testing.B, log io.Writer) http.Handler {
	g, err := gateway.New(gateway.Config{}, people{"known": "alice"}, log)
	if err != nil {
		b.Fatal(err)
	}
	g.Server().AddRoute(rest.Route{Method: http.MethodPost, Path: "/app/record/sync-record",
		Handler: func(w http.ResponseWriter, r *http.Request) {
			var req syncReq
			_, err := bind.Parse(r, &req)
			reply.Write(w, r, nil, err)
		}})
	handler, err := g.Handler()
	if err != nil {
		b.Fatal(err)
	}
	return handler
}

func benchmark(b *testing.B, handler http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()

	clients := exec.Command(os.Args[0])
	clients.Env = append(os.Environ(), clientsEnv+"="+listener.Addr().String(), countEnv+"="+strconv.Itoa(b.N))
	clients.Stderr = os.Stderr
	before := usedCPU(b)
	b.ResetTimer()
	if err := clients.Run(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(usedCPU(b)-before)/float64(b.N), "cpu-ns/op")
}

// usedCPU is what this process has used so far, in ns.
func usedCPU(b *testing.B) int64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return use.Utime.Nano() + use.Stime.Nano()
}

// The clients of a benchmark are this test binary, started again with these in
// the environment.
const (
	clientsEnv = "PARLEY_BENCH_ADDRESS"
	countEnv   = "PARLEY_BENCH_REQUESTS"
)

const refusedRequest = "POST /app/record/sync-record HTTP/1.1\r\nHost: parley\r\nContent-Type: application/json\r\n" +
	"User-Agent: okhttp/4.9.1\r\nAccept-Encoding: gzip\r\nFZM-SIGNATURE: known\r\nFZM-DEVICE: Android\r\n" +
	"FZM-UUID: 5f3c1c52-8f0e-4f0e-9f5e-0f3f3a9d7c11\r\nContent-Length: 21\r\n\r\n" + `{"start":1,"count":0}`

// runClients sends requests on eight connections, one after the other on each.
func runClients(address, count string) error {
	const connections = 8
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	done := make(chan error, connections)
	for i := range connections {
		go func() { done <- runClient(address, (n+i)/connections) }()
	}
	for range connections {
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

func runClient(address string, count int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer := make([]byte, 4096)
	for range count {
		if _, err := conn.Write([]byte(refusedRequest)); err != nil {
			return err
		}
		n, err := conn.Read(answer)
		if err != nil {
			return err
		}
		if !bytes.HasSuffix(answer[:n], []byte(`"data":null}`)) {
			return fmt.Errorf("unexpected answer %q", answer[:n])
		}
	}
	return nil
}
