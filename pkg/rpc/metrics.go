package rpc

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/pkg/metrics"
)

var (
	serverDuration = metrics.NewHistogramVec("parley_rpc_server_duration_seconds",
		"How long calls took in the service that answers them, by the name of their gRPC code; of a stream, how long it was open. Calls within a process count too.",
		metrics.Durations, "service", "method", "code")
	clientDuration = metrics.NewHistogramVec("parley_rpc_client_duration_seconds",
		"How long calls took for those who made them, the way and waiting for a server that is just being started included; of a stream, how long it was open.",
		metrics.Durations, "service", "method", "code")
)

// outcome is a combination of labels. The method is /service/method; there are as many
// as contracts have.
type outcome struct {
	method string
	code   codes.Code
}

// durations finds the histogram of an outcome.
type durations struct {
	of    *prometheus.HistogramVec
	cache metrics.Cache[outcome, prometheus.Observer]
}

var served, called = durations{of: serverDuration}, durations{of: clientDuration}

func (d *durations) observe(method string, began time.Time, err error) {
	d.cache.Get(outcome{method, codeOf(err)}, d.histogram).Observe(time.Since(began).Seconds())
}

func (d *durations) histogram(o outcome) prometheus.Observer {
	service, method, _ := strings.Cut(strings.TrimPrefix(o.method, "/"), "/")
	return d.of.WithLabelValues(service, method, o.code.String())
}

// codeOf is the code of the error of a call. Within a process an error of the context
// comes as it is.
func codeOf(err error) codes.Code {
	if err == nil || errors.Is(err, io.EOF) { // which ends a stream
		return codes.OK
	}
	if isContextError(err) {
		return status.FromContextError(err).Code()
	}
	return status.Code(err)
}

// measuredStream is a stream whose caller is told of once it ends.
type measuredStream struct {
	grpc.ClientStream
	// single says that one answer is the end.
	single bool
	ended  func(error)
}

// measureStream counts a stream that was opened, when it has ended: for its caller, who
// reads the end, or with its context.
func measureStream(ctx context.Context, stream grpc.ClientStream, desc *grpc.StreamDesc, ended func(error)) grpc.ClientStream {
	m := &measuredStream{ClientStream: stream, single: !desc.ServerStreams}
	var once sync.Once
	stop := context.AfterFunc(ctx, func() { once.Do(func() { ended(ctx.Err()) }) })
	m.ended = func(err error) {
		once.Do(func() { ended(err) })
		stop()
	}
	return m
}

// RecvMsg implements grpc.ClientStream.
func (m *measuredStream) RecvMsg(into any) error {
	err := m.ClientStream.RecvMsg(into)
	if err != nil || m.single {
		m.ended(err)
	}
	return err
}
