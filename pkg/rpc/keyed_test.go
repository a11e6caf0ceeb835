package rpc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	testv1 "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/resolver"
)

// A key chooses the same server from every process, and many keys choose all of
// them.
func TestAKeyNamesAServer(t *testing.T) {
	t.Parallel()
	const servers, keys = 3, 9
	var endpoints []string
	for n := range servers {
		server := listen(t, service{stream: func(stream grpc.BidiStreamingServer[testv1.StreamingOutputCallRequest, testv1.StreamingOutputCallResponse]) error {
			return stream.Send(&testv1.StreamingOutputCallResponse{Payload: &testv1.Payload{Body: fmt.Append(nil, n)}})
		}})
		t.Cleanup(func() {
			if err := server.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		endpoints = append(endpoints, server.Addr())
	}
	chosen := make([]map[int]string, 2)
	used := make(map[string]bool)
	for i := range chosen {
		client, err := Dial(ClientConfig{Service: "test", Endpoints: endpoints, Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		stub := testv1.NewTestServiceClient(client)
		ask := func(key int) string {
			ctx, _ := ByKey(t.Context(), key)
			stream, err := stub.FullDuplexCall(ctx, grpc.WaitForReady(true))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			return string(answer.GetPayload().GetBody())
		}
		// Until all are connected, those that are stand in for the others: the
		// round after one in which all were there has the answers.
		for all := map[string]bool{}; ; {
			complete := len(all) == servers
			chosen[i] = make(map[int]string)
			for key := range keys {
				chosen[i][key] = ask(key)
				all[chosen[i][key]] = true
			}
			if complete {
				break
			}
		}
		for _, server := range chosen[i] {
			used[server] = true
		}
	}
	for key, server := range chosen[0] {
		if other := chosen[1][key]; other != server {
			t.Errorf("key %d names server %s for one client and %s for another", key, server, other)
		}
	}
	if len(used) != servers {
		t.Errorf("%d keys use the servers %v of %d", keys, used, servers)
	}
}

// conn is a connection to a server.
type conn struct {
	balancer.SubConn
	addr string
}

func among(servers int) *places {
	p := &places{streams: make(map[*Place]string)}
	p.connected(servers)
	return p
}

// connected makes n servers those that are connected.
func (p *places) connected(n int) {
	info := base.PickerBuildInfo{ReadySCs: make(map[balancer.SubConn]base.SubConnInfo)}
	for i := range n {
		addr := fmt.Sprint("server ", i)
		info.ReadySCs[&conn{addr: addr}] = base.SubConnInfo{Address: resolver.Address{Addr: addr}}
	}
	p.Build(info)
}

// open opens a stream and returns where it went.
func (p *places) open(t *testing.T, key int) (*Place, string) {
	t.Helper()
	ctx, place := ByKey(t.Context(), key)
	chosen, err := p.Pick(balancer.PickInfo{Ctx: ctx})
	if err != nil {
		t.Fatal(err)
	}
	return place, chosen.SubConn.(*conn).addr
}

func moved(p *Place) bool {
	select {
	case <-p.Moved():
		return true
	default:
		return false
	}
}

func TestKeysSpreadEvenly(t *testing.T) {
	t.Parallel()
	for servers := 1; servers <= 5; servers++ {
		p := among(servers)
		for keys := 1; keys <= 12; keys++ {
			of := make(map[string]int)
			for key := range keys {
				_, addr := p.open(t, key)
				of[addr]++
			}
			if !even(of, servers) {
				t.Errorf("%d keys spread over %d servers as %v", keys, servers, of)
			}
		}
	}
}

// even reports whether none of n servers was chosen more than once oftener than another.
func even(of map[string]int, n int) bool {
	counts := slices.Collect(maps.Values(of))
	for len(counts) < n {
		counts = append(counts, 0)
	}
	return len(counts) == n && slices.Max(counts)-slices.Min(counts) <= 1
}

func TestTheKeysOfAServerThatIsAvoidedSpreadOverTheOthers(t *testing.T) {
	t.Parallel()
	for servers := 2; servers <= 5; servers++ {
		const keys = 24
		p := among(servers)
		places, before := make([]*Place, keys), make([]string, keys)
		for key := range keys {
			places[key], before[key] = p.open(t, key)
		}
		if !places[0].Avoid() {
			t.Errorf("one of %d servers is not avoided", servers)
		}
		instead := make(map[string]int)
		for key, place := range places {
			_, now := p.open(t, key)
			if before[key] == before[0] {
				instead[now]++
			} else if now != before[key] {
				t.Errorf("of %d servers key %d leaves %s, which is not avoided", servers, key, before[key])
			}
			if moved(place) != (now != before[key]) {
				t.Errorf("of %d servers key %d went from %s to %s, and its stream is told %v", servers, key, before[key], now, moved(place))
			}
		}
		if instead[before[0]] > 0 || !even(instead, servers-1) {
			t.Errorf("instead of %s of %d servers its keys name %v", before[0], servers, instead)
		}
	}
}

func TestOneServerAtATimeIsAvoidedAndForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := among(3)
		first, was := p.open(t, 0)
		other, _ := p.open(t, 1)
		for range 2 { // who says it again finds the same
			if !first.Avoid() {
				t.Error("a server is not avoided")
			}
		}
		if other.Avoid() || moved(other) {
			t.Error("a second server is avoided, while one is")
		}
		instead, at := p.open(t, 0)
		if at == was {
			t.Errorf("a new stream goes to %s, which is avoided", at)
		}
		time.Sleep(avoidFor + 1) // on the clock of the bubble
		synctest.Wait()
		if _, now := p.open(t, 0); now != was || !moved(instead) {
			t.Errorf("after %s the key is at %s, want %s, and its stream told", avoidFor, now, was)
		}
		if !other.Avoid() {
			t.Error("the next server is not avoided")
		}
	})
}

func TestTheLastServerIsNotAvoided(t *testing.T) {
	t.Parallel()
	p := among(2)
	if place, _ := p.open(t, 1); !place.Avoid() {
		t.Error("one of two servers is not avoided")
	}
	p.connected(1)
	stays, _ := p.open(t, 1)
	if stays.Avoid() || moved(stays) {
		t.Error("the only server is avoided")
	}
	p.connected(2)
	if _, at := p.open(t, 1); at != "server 1" {
		t.Errorf("a server that came back is still avoided: the stream went to %s", at)
	}
}

func TestAStreamWithoutConnectionsHasNowhereToMove(t *testing.T) {
	t.Parallel()
	if _, place := ByKey(t.Context(), 0); place.Avoid() {
		t.Error("a stream that is not open has moved")
	}
}
