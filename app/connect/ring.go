package connect

import (
	"cmp"
	"slices"

	"parley/pkg/eventlog"
	"parley/pkg/wire"
)

// entry is a recent event. What clients read of it is made when the first of
// them needs it.
type entry struct {
	eventlog.Event
	rendered []byte
	size     int
}

func newEntry(e eventlog.Event) *entry {
	var made entry
	made.set(e)
	return &made
}

func (e *entry) set(event eventlog.Event) { *e = entry{Event: event, size: len(event.Body) + 500} }

// proto returns the Proto of the event. The dispatch lock is held.
func (e *entry) proto() ([]byte, error) {
	if e.rendered == nil {
		var err error
		if e.rendered, err = wire.Render(&e.Event); err != nil {
			return nil, err
		}
	}
	return e.rendered, nil
}

const (
	// ringEvents and ringBytes bound the recent events that a gateway keeps.
	ringEvents = 8 << 10
	ringBytes  = 16 << 20
)

// ring is the newest events, so that a connection that has read its backlog can
// join the live tail at an exact position.
type ring struct {
	entries []*entry
	bytes   int
	// after is the position behind which the ring has everything.
	after eventlog.Position
}

func (r *ring) push(e *entry) {
	r.entries = append(r.entries, e)
	r.bytes += e.size
	for len(r.entries) > ringEvents || r.bytes > ringBytes {
		r.after = r.entries[0].Pos
		r.bytes -= r.entries[0].size
		r.entries[0] = nil
		r.entries = r.entries[1:]
	}
}

// from returns the entries after a position.
func (r *ring) from(after eventlog.Position) []*entry {
	i, _ := slices.BinarySearchFunc(r.entries, after+1, func(e *entry, p eventlog.Position) int { return cmp.Compare(e.Pos, p) })
	return r.entries[i:]
}

// at returns the entry at a position, or nil.
func (r *ring) at(pos eventlog.Position) *entry {
	if found := r.from(pos - 1); len(found) > 0 && found[0].Pos == pos {
		return found[0]
	}
	return nil
}
