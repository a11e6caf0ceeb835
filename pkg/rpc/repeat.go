package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A call that fails because its server is gone is made again at another one, so that
// nobody notices when one of several dies. One that was never sent can be repeated in
// any case. Of others the contracts say whether they may: idempotency_level.

// maxTries is how often a call is made at most.
const maxTries = 3

// repetition is what repeating a call does, as its contract says.
type repetition = descriptorpb.MethodOptions_IdempotencyLevel

const (
	unknown    = descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
	reads      = descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	idempotent = descriptorpb.MethodOptions_IDEMPOTENT
)

var repetitions sync.Map // of methods, /service/method

// repetitionOf returns what repeating a method does.
func repetitionOf(method string) repetition {
	if known, ok := repetitions.Load(method); ok {
		return known.(repetition)
	}
	level := unknown
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	if d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name)); err == nil {
		level = d.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel()
	}
	repetitions.Store(method, level)
	return level
}

// failure is a try that failed.
type failure struct {
	err    error
	method repetition
	// sent says that the server may have seen it.
	sent bool
	// cut says that it was cut short because its server seemed to hang.
	cut bool
	// waited is how long the call has waited, at all its tries, for a server to come.
	waited time.Duration
}

// again reports whether the call may be tried once more, if its own time is not over.
func (f failure) again() bool {
	switch status.Code(f.err) {
	case codes.Unavailable: // of gRPC, or of a Server that stops, but never of one below it
		if f.sent {
			return f.method != unknown
		}
		return f.waited < restartWithin
	case codes.Canceled:
		return f.cut
	}
	return false
}

// wasSent: gRPC fills in the peer when it has put a call on a connection.
func wasSent(p peer.Peer) bool { return p.Addr != nil }

// hurry cuts the first try of a call that only reads short after half of the time that
// there is, so that a server that hangs leaves some for another one: if one is connected,
// and within a budget, because a database that is slow is slow from everywhere. Nothing
// else is cut short: that it took long does not say that it was not done. ended is called
// when the try has ended, and reports whether it was cut.
func (r *remote) hurry(ctx context.Context, call *tries, method repetition, try int) (_ context.Context, ended func() (cut bool)) {
	end, ok := ctx.Deadline()
	if method != reads || try > 1 || !ok {
		return ctx, func() bool { return false }
	}
	r.hanging.earn()
	ctx, cancel := context.WithCancel(ctx)
	var cut atomic.Bool
	late := time.AfterFunc(time.Until(end)/2, func() {
		if call.elsewhere() && r.hanging.take() {
			cut.Store(true)
			cancel()
		}
	})
	return ctx, func() bool {
		late.Stop()
		cancel()
		return cut.Load()
	}
}

// serviceConfig is what gRPC is told about calls: how to choose a server, and to repeat
// calls that are answered with a stream, as long as nothing of it has come.
var serviceConfig = sync.OnceValue(func() string {
	type name struct {
		Service string `json:"service"`
		Method  string `json:"method"`
	}
	var names []name
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				level := method.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel()
				if method.IsStreamingServer() && !method.IsStreamingClient() && level != unknown {
					names = append(names, name{string(service.FullName()), string(method.Name())})
				}
			}
		}
		return true
	})
	config := map[string]any{"loadBalancingPolicy": elsewhere}
	if len(names) > 0 {
		config["methodConfig"] = []any{map[string]any{"name": names, "retryPolicy": map[string]any{
			"maxAttempts": maxTries, "initialBackoff": "0.02s", "maxBackoff": "0.2s", "backoffMultiplier": 3,
			"retryableStatusCodes": []string{"UNAVAILABLE"},
		}}}
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(fmt.Sprintf("encode the configuration of clients: %v", err)) // it has nothing that cannot be
	}
	return string(text)
})
