package app

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"parley/pkg/tlsx/tlstest"
)

// collector takes spans and tells their names.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	names chan string
}

// Export implements collectorv1.TraceServiceServer.
func (c collector) Export(_ context.Context, req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.names <- req.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName()
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func TestTracesGoToACollectorOverTLS(t *testing.T) {
	t.Parallel()
	authority := tlstest.New(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := collector{names: make(chan string, 1)}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(authority.Server(t))))
	collectorv1.RegisterTraceServiceServer(server, c)
	go server.Serve(listener)
	t.Cleanup(server.Stop)

	send := func(config TraceConfig, within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		config.Endpoint = listener.Addr().String()
		exporter, err := newExporter(config)
		if err != nil {
			return err
		}
		defer exporter.Shutdown(t.Context())
		return exporter.ExportSpans(ctx, tracetest.SpanStubs{{Name: "a span"}}.Snapshots())
	}
	if err := send(TraceConfig{ClientConfig: authority.Certified(t)}, 10*time.Second); err != nil {
		t.Fatalf("a span is not taken: %v", err)
	}
	if name := <-c.names; name != "a span" {
		t.Errorf("the collector got %q", name)
	}

	wrong := authority.Certified(t)
	wrong.CAFile = tlstest.New(t).CAFile
	// The exporter tries again and again until its time is up; the error has the reason.
	if err := send(TraceConfig{ClientConfig: wrong}, 3*time.Second); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("a collector of another authority gave the error %v", err)
	}
	// These are refused when they have sent their spans already, and what the collector
	// says may be lost with the connection.
	if err := send(TraceConfig{ClientConfig: authority.Client()}, time.Second); err == nil {
		t.Error("the spans of a process without a certificate were taken")
	}
	if err := send(TraceConfig{}, time.Second); err == nil {
		t.Error("the spans of a process without TLS were taken")
	}
}
