package group_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// explain finds an order of the calls of a phase in which the model answers
// what the service answered, tells the same, and ends in the same states. The
// order has to agree with what came before what in time, and with the positions
// of events. It returns the model after the calls.
func (r *run) explain(ds []done) (after *model, problem string) {
	e := explanation{calls: ds, alone: len(ds) == 1, states: make(map[int]string), tried: make(map[string]bool)}
	for slot := range r.touched(ds) {
		e.states[slot] = r.state(slot)
	}
	if after := e.search(r.model, 0); after != nil {
		return after, ""
	}
	if e.alone {
		return nil, fmt.Sprintf("%v\n\t%s", &ds[0], e.closest)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no order explains what happened at once; at best %s", e.closest)
	slices.SortFunc(ds, func(a, b done) int { return cmp.Compare(a.began, b.began) })
	for i := range ds {
		fmt.Fprintf(&b, "\n\t%v", &ds[i])
	}
	for slot, state := range e.states {
		fmt.Fprintf(&b, "\n\tgroup %d was\n\t%s\n\tand is\n\t%s", slot, r.model.state(slot), state)
	}
	return nil, b.String()
}

type explanation struct {
	calls []done
	// alone means that nothing happened at the same time, so that what is read
	// is exactly what is there. Else a reader may have seen parts from before
	// and after something; then only his code counts.
	alone  bool
	states map[int]string
	tried  map[string]bool // by who was explained and the model then

	depth   int    // how many were explained at best
	closest string // and why not the next
}

// search explains the calls that are not yet in the set explained.
func (e *explanation) search(m *model, explained uint64) *model {
	n := 0
	for i := range e.calls {
		if explained&(1<<i) != 0 {
			n++
		}
	}
	if n == len(e.calls) {
		for slot, state := range e.states {
			if want := m.state(slot); want != state {
				e.fail(n, fmt.Sprintf("group %d is\n\t%s\n\tand should be\n\t%s", slot, state, want))
				return nil
			}
		}
		return m
	}
	key := fmt.Sprint(explained, m.digest())
	if e.tried[key] {
		return nil
	}
	e.tried[key] = true
	for i := range e.calls {
		if explained&(1<<i) != 0 || !e.next(i, explained) {
			continue
		}
		c := m.clone()
		if difference := e.differs(c, &e.calls[i]); difference != "" {
			e.fail(n, difference)
		} else if after := e.search(c, explained|1<<i); after != nil {
			return after
		}
	}
	return nil
}

func (e *explanation) fail(depth int, why string) {
	if depth >= e.depth {
		e.depth, e.closest = depth, why
	}
}

// next reports whether a call may come before all others that are left.
func (e *explanation) next(i int, explained uint64) bool {
	d := &e.calls[i]
	for j := range e.calls {
		other := &e.calls[j]
		if j == i || explained&(1<<j) != 0 {
			continue
		}
		if other.ended < d.began || d.first != 0 && other.first != 0 && other.first < d.first {
			return false
		}
	}
	return true
}

// differs makes a call in the model and says in what it comes out otherwise.
func (e *explanation) differs(m *model, d *done) string {
	want := m.do(d.call)
	switch {
	case want.code != d.got.code:
		return fmt.Sprintf("%s by %s should be answered %d", d.verb, d.by, want.code)
	case want.says != d.got.says && (e.alone || !verbs[d.verb].reads):
		return fmt.Sprintf("%s by %s should be answered %q", d.verb, d.by, want.says)
	case !slices.Equal(m.told, d.events):
		return fmt.Sprintf("%s by %s should tell %q", d.verb, d.by, m.told)
	}
	return ""
}

// digest tells two models apart, unless only what they told differs.
func (m *model) digest() string {
	var b strings.Builder
	for _, slot := range slices.Sorted(maps.Keys(m.groups)) {
		fmt.Fprint(&b, slot, *m.groups[slot])
	}
	fmt.Fprint(&b, len(m.sent))
	return b.String()
}
