package sender

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	recordv1 "parley/api/proto/record/v1"
	"parley/e2e/servers/fixture"
	"parley/pkg/id"
	"parley/pkg/rpc"
	"parley/record/recordtest"
	recordrpc "parley/record/rpc"
)

// counted is a record service in a registry that counts the streams that it has.
type counted struct {
	*rpc.Server
	open atomic.Int32
}

func newCounted(w *recordtest.World) *counted {
	c := &counted{Server: rpc.NewServer("record")}
	recordv1.RegisterRecordServiceServer(c, &service{
		RecordServiceServer: recordrpc.New(w.Service),
		around: func(stream sendStream, service func(sendStream) error) error {
			c.open.Add(1)
			defer c.open.Add(-1)
			return service(stream)
		},
	})
	return c
}

// enter makes a service listen and enters it in a registry.
func enter(t *testing.T, w *recordtest.World, registry *rpc.Registry) *counted {
	t.Helper()
	c := newCounted(w)
	if err := c.Listen(rpc.ServerConfig{Listen: "127.0.0.1:0", Registry: registry}, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLanesSpreadEvenly(t *testing.T) {
	t.Parallel()
	w := recordtest.New(t)
	for n := 1; n <= 5; n++ {
		t.Run(fmt.Sprint(n, " services"), func(t *testing.T) {
			t.Parallel()
			services := make([]*counted, n)
			servers := make([]*rpc.Server, n)
			for i := range services {
				services[i] = newCounted(w)
				servers[i] = services[i].Server
			}
			s := New(recordv1.NewRecordServiceClient(recordtest.Dial(t, servers...)))
			t.Cleanup(s.Close)
			// Of so many senders every lane has some. A lane opens its stream with the
			// first message after it moved.
			round := 0
			if !eventually(func() bool {
				o := newOutcomes(t)
				for u := range 8 * lanes {
					o.send(s, id.UID(fmt.Sprint("u", u)), "bob", fmt.Sprint(n, " ", round))
				}
				o.all.Wait()
				round++
				return spreadEvenly(services)
			}) {
				for i, c := range services {
					t.Errorf("service %d has %d of %d lanes", i, c.open.Load(), lanes)
				}
			}
		})
	}
}

// Streams spread over the services that are there: one that comes gets its share while
// messages flow, one that goes gives its streams to the others, and nobody's messages are
// lost, repeated or out of order.
func TestAServiceThatComesTakesItsShare(t *testing.T) {
	t.Parallel()
	fixture.Need(t)
	etcd, err := fixture.StartEtcd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := etcd.Stop(); err != nil {
			t.Error(err)
		}
	})
	registry, err := rpc.OpenRegistry(rpc.RegistryConfig{Hosts: []string{etcd.Addr}, Prefix: "parley"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Close() })
	w := recordtest.New(t)
	services := []*counted{enter(t, w, registry)}
	client, err := rpc.Dial(rpc.ClientConfig{Service: "record", Registry: registry, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	s := New(recordv1.NewRecordServiceClient(client))
	t.Cleanup(s.Close)

	// So many senders that each lane has some. Everybody sends the next message when the
	// one before it is on its way.
	const senders = 24
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	o := newOutcomes(t)
	each := make([]int, senders)
	var writing sync.WaitGroup
	for n := range senders {
		writing.Go(func() {
			for ; ctx.Err() == nil; each[n]++ {
				o.send(s, id.UID(fmt.Sprint("u", n)), "bob", fmt.Sprintf("%05d", each[n]))
				time.Sleep(20 * time.Millisecond) // a load, not a wait
			}
		})
	}
	for range 6 {
		services = append(services, enter(t, w, registry))
		if !eventually(func() bool { return spreadEvenly(services) }) {
			t.Errorf("a service came, and streams are %d and %d", services[0].open.Load(), services[1].open.Load())
		}
		old := services[0]
		if err := old.Stop(t.Context()); err != nil {
			t.Errorf("stopping fails: %v", err)
		}
		services = services[1:]
		if !eventually(func() bool { return spreadEvenly(services) }) {
			t.Errorf("a service went, and the other has %d streams", services[0].open.Load())
		}
	}
	stop()
	writing.Wait()
	o.all.Wait()
	for name, err := range o.errs {
		t.Errorf("%s: %v", name, err)
	}
	total := 0
	for _, n := range each {
		total += n
	}
	log := inLog(w, "bob")
	if len(log) != total {
		t.Errorf("the log has %d messages, want %d, each once", len(log), total)
	}
	last := make(map[string]string)
	for _, line := range log {
		msgID, from, _ := strings.Cut(line, " from ")
		if msgID <= last[from] {
			t.Errorf("%s of %s comes after %s", msgID, from, last[from])
		}
		last[from] = msgID
	}
	for _, c := range services {
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// spreadEvenly reports whether services have all lanes, none more than one above another.
func spreadEvenly(services []*counted) bool {
	var counts []int32
	all := int32(0)
	for _, c := range services {
		counts = append(counts, c.open.Load())
		all += counts[len(counts)-1]
	}
	return all == lanes && slices.Max(counts)-slices.Min(counts) <= 1
}

// eventually reports whether a condition comes true within seconds.
func eventually(condition func() bool) bool {
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}
