package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// collector takes the spans of processes, as one of OpenTelemetry does.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	addr string

	mu    sync.Mutex
	spans []span
	raw   [][]byte
}

// span is a span and the process that made it.
type span struct {
	*tracev1.Span
	service string
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &collector{addr: l.Addr().String()}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return c
}

// env has a process send all of its spans.
func (c *collector) env() []string {
	return []string{"PARLEY_TRACE_ENDPOINT=" + c.addr, "PARLEY_TRACE_SAMPLE=1"}
}

// Export implements collectorv1.TraceServiceServer.
func (c *collector) Export(_ context.Context, req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	raw, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, raw)
	for _, resource := range req.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, span{s, service})
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// chain returns the names of a span's ancestors and its own, from the first on, each
// with its process. It is "" when one of them is not there yet.
func (c *collector) chain(of span) string {
	byID := make(map[string]span)
	for _, s := range c.spans {
		byID[string(s.GetSpanId())] = s
	}
	var names []string
	for s := of; ; {
		names = append([]string{s.service + ": " + s.GetName()}, names...)
		if len(s.GetParentSpanId()) == 0 {
			return strings.Join(names, " > ")
		}
		parent, ok := byID[string(s.GetParentSpanId())]
		if !ok || !bytes.Equal(parent.GetTraceId(), s.GetTraceId()) {
			return ""
		}
		s = parent
	}
}

// has reports whether a span with these ancestors has come.
func (c *collector) has(chain ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	want := strings.Join(chain, " > ")
	for _, s := range c.spans {
		if c.chain(s) == want {
			return true
		}
	}
	return false
}

// chains lists all spans with their ancestors, for a test that failed.
func (c *collector) chains() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := make(map[string]bool)
	var b strings.Builder
	for _, s := range c.spans {
		if chain := c.chain(s); !known[chain] {
			known[chain] = true
			fmt.Fprintln(&b, chain)
		}
	}
	return b.String()
}

func TestARequestIsOneTraceThroughAllProcesses(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	records, groups, calls, storage := freeAddr(t), freeAddr(t), freeAddr(t), freeAddr(t)
	data := t.TempDir()
	env := append(withCalls(serverEnv(t)), append(c.env(), storesLocally)...)
	services := newService(t, append(env, "PARLEY_RECORD_LISTEN="+records, "PARLEY_GROUPSERVICE_LISTEN="+groups, "PARLEY_CALL_LISTEN="+calls, "PARLEY_OSSSERVICE_LISTEN="+storage),
		"-target", "record-rpc,group-rpc,call-rpc,oss-rpc", "-data", data)
	services.run()
	atApp, atGroup, atOss := freeAddr(t), freeAddr(t), freeAddr(t)
	gateways := newService(t, append(env, "PARLEY_RECORD_ENDPOINTS="+records, "PARLEY_GROUPSERVICE_ENDPOINTS="+groups, "PARLEY_CALL_ENDPOINTS="+calls, "PARLEY_OSSSERVICE_ENDPOINTS="+storage,
		"PARLEY_APP_LISTEN="+atApp, "PARLEY_GROUP_LISTEN="+atGroup, "PARLEY_OSS_LISTEN="+atOss, "PARLEY_CONNECT_WITHAPP=false"), "-target", "app,group,oss", "-data", data)
	gateways.site = site{app: "http://" + atApp, group: "http://" + atGroup, oss: "http://" + atOss}
	gateways.start()

	alice, bob := newUser(t, gateways.site), newUser(t, gateways.site)
	const secret = "nobody else is to read this"
	alice.send(text(string(bob.uid()), secret))
	alice.create("a name that is nobody's business", bob)
	alice.call(0, bob)
	alice.store(inDtalk("private-key-of-an-object"), []byte(secret))

	const front, back = "parley app group oss: ", "parley record-rpc group-rpc call-rpc oss-rpc: "
	for _, chain := range [][]string{
		{front + "POST /record/push2", front + "record.v1.RecordService/Send", back + "record.v1.RecordService/Send", back + "append to the log", back + "SQL INSERT"},
		{front + "POST /record/push2", front + "record.v1.RecordService/Send", back + "record.v1.RecordService/Send", back + "append to the log", back + "SQL COMMIT"},
		{front + "POST /group/app/create-group", front + "group.v1.GroupService/Create", back + "group.v1.GroupService/Create", back + "SQL INSERT"},
		{front + "POST /app/start-call", front + "call.v1.CallService/Start", back + "call.v1.CallService/Start", back + "Redis evalsha"},
		{front + "POST /oss/upload", front + "local send"},
	} {
		if !waits(t, func() bool { return c.has(chain...) }) {
			t.Errorf("there is no span %s; there are\n%s", strings.Join(chain, " > "), c.chains())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, private := range []string{secret, alice.token(), string(alice.uid()), string(bob.uid()), "nobody's business", "private-key-of-an-object", callSecret} {
		for _, raw := range c.raw {
			if bytes.Contains(raw, []byte(private)) {
				t.Errorf("a span has %q in it", private)
			}
		}
	}
}

// Whether the trace of a client is recorded is for a proxy to say.
func TestATraceThatComesThroughAProxyGoesOn(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	p := newProcess(t, append(append(serverEnv(t), c.env()...), "PARLEY_PROXIES=127.0.0.1"), "-data", t.TempDir())
	p.start()
	alice := newUser(t, p.site)
	const traceID, spanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	alice.headers = map[string][]string{"Traceparent": {"00-" + traceID + "-" + spanID + "-01"}}
	alice.send(text(string(alice.uid()), "a note"))
	if !waits(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.spans {
			if s.GetName() == "SQL INSERT" && hex.EncodeToString(s.GetTraceId()) == traceID {
				return true
			}
		}
		return false
	}) {
		t.Errorf("the statement is not in the client's trace; there are\n%s", c.chains())
	}
}
