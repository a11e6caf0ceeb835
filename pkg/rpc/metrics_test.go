package rpc

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"parley/pkg/fault"
	"parley/pkg/metrics"
)

// counted returns how many calls of the test service a histogram has, by their code.
func counted(t *testing.T, name string) map[string]uint64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byCode := make(map[string]uint64)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if family.GetName() == name && labels["service"] == "grpc.testing.TestService" {
				byCode[labels["code"]] += m.GetHistogram().GetSampleCount()
			}
		}
	}
	return byCode
}

// Other tests of the package count at the same time, so that there may be more.
func TestCallsAndStreamsAreCountedOnBothSides(t *testing.T) {
	for _, c := range []struct {
		do   func(context.Context) error
		code codes.Code
	}{
		{func(context.Context) error { return nil }, codes.OK},
		{func(context.Context) error { return fault.NotFound }, codes.NotFound},
		{func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, codes.DeadlineExceeded},
	} {
		t.Run(c.code.String(), func(t *testing.T) {
			everywhere(t, calling(c.do), patience, func(t *testing.T, call func(context.Context) error) {
				// A server may learn that its caller has left before its own deadline.
				served := func() (n uint64) {
					for code, count := range counted(t, "parley_rpc_server_duration_seconds") {
						if code == c.code.String() || c.code == codes.DeadlineExceeded && code == codes.Canceled.String() {
							n += count
						}
					}
					return n
				}
				called := func() uint64 { return counted(t, "parley_rpc_client_duration_seconds")[c.code.String()] }
				ours, theirs := called(), served()
				within := patience
				if c.code == codes.DeadlineExceeded {
					within = 100 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), within)
				defer cancel()
				_ = call(ctx) // whatever it is, it is counted
				late := time.After(patience)
				for called() == ours || served() == theirs {
					select {
					case <-time.After(time.Millisecond): // a server may end after its caller
					case <-late:
						t.Fatalf("the caller counted %d calls, the server %d", called()-ours, served()-theirs)
					}
				}
			})
		})
	}
}

func BenchmarkMeasuringACall(b *testing.B) {
	began := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		called.observe("/record.v1.RecordService/Sync", began, nil)
	}
}
