package connect

import (
	"net/netip"
	"sync"
	"testing"

	"parley/pkg/connlimit"
)

func address(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func TestAGatewayHasSoManyPlaces(t *testing.T) {
	t.Parallel()
	ann, ben, cat := address("192.0.2.1/32"), address("2001:db8::/64"), address("192.0.2.3/32")
	p := newPlaces(Config{MaxConns: 4, MaxPerAddress: 2}, connlimit.NewBudget(100))
	for i, step := range []struct {
		from netip.Prefix
		want refusal
	}{
		{ann, granted}, {ann, granted}, {ann, fullForAddress}, {ben, granted}, {cat, granted}, {cat, full}, {ann, full},
	} {
		if got := p.take(step.from); got != step.want {
			t.Errorf("take %d, from %s, ends with %d, want %d", i+1, step.from, got, step.want)
		}
	}
	p.release(ann)
	if got := p.take(ben); got != granted {
		t.Errorf("when a place is free again the answer is %d", got)
	}
	for _, from := range []netip.Prefix{ann, ben, ben, cat} {
		p.release(from)
	}
	if p.taken != 0 || len(p.byAddress) != 0 {
		t.Errorf("when all are gone %d places are taken, by %v", p.taken, p.byAddress)
	}
}

func TestSocketsShareThePlacesOfTheProcess(t *testing.T) {
	t.Parallel()
	budget := connlimit.NewBudget(2)
	p := newPlaces(Config{}, budget)
	budget.Take()
	if first, second := p.take(netip.Prefix{}), p.take(netip.Prefix{}); first != granted || second != full {
		t.Errorf("with one place left the answers are %d and %d", first, second)
	}
	budget.Release()
	if got := p.take(netip.Prefix{}); got != granted {
		t.Errorf("when the process has a place again the answer is %d", got)
	}
}

func TestPlacesAreCountedByMany(t *testing.T) {
	t.Parallel()
	from, budget := address("192.0.2.1/32"), connlimit.NewBudget(1000)
	p := newPlaces(Config{MaxConns: 50, MaxPerAddress: 40}, budget)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			for range 100 {
				if p.take(from) == granted {
					p.release(from)
				}
			}
		})
	}
	all.Wait()
	if p.taken != 0 || len(p.byAddress) != 0 {
		t.Errorf("when all are gone %d places are taken, by %v", p.taken, p.byAddress)
	}
}
