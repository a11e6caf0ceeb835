package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"

	"parley/pkg/tlsx"
)

// stopTracesWithin bounds how long a process that ends waits for the collector to
// take the last spans.
const stopTracesWithin = 2 * time.Second

// startTraces sets up the traces of the process, which name its targets, until stop is
// called. go-zero's own agent does the same, but not with TLS.
func startTraces(c TraceConfig, targets []string) (stop func(), err error) {
	name := strings.Join(append([]string{"parley"}, targets...), " ")
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", name)))}
	sample := 0.0 // without a collector nothing is recorded, but there are ids for the log
	if c.Endpoint != "" {
		exporter, err := newExporter(c)
		if err != nil {
			return nil, err
		}
		options, sample = append(options, sdktrace.WithBatcher(exporter)), c.Sample
	}
	options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(sample))))
	provider := sdktrace.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logx.Errorf("traces are lost: %v", err) }))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTracesWithin)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			logx.Errorf("the last traces are lost, the collector did not take them within %s: %v", stopTracesWithin, err)
		}
	}, nil
}

// newExporter returns what sends spans to the collector. It does not wait for it.
func newExporter(c TraceConfig) (sdktrace.SpanExporter, error) {
	secured, err := tlsx.Load("Trace", c.ClientConfig)
	if err != nil {
		return nil, err
	}
	security := otlptracegrpc.WithInsecure()
	if secured != nil {
		security = otlptracegrpc.WithTLSCredentials(credentials.NewTLS(secured))
	}
	exporter, err := otlptracegrpc.New(context.Background(), otlptracegrpc.WithEndpoint(c.Endpoint), security)
	if err != nil {
		return nil, fmt.Errorf("send traces to Trace.Endpoint %s: %w", c.Endpoint, err)
	}
	return exporter, nil
}
