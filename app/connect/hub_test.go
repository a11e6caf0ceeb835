package connect

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// signalIn is a signal in group 7 that somebody came or went.
func signalIn(t *testing.T, pos eventlog.Position, kind wirev1.SignalType, body proto.Message) eventlog.Event {
	t.Helper()
	signal, err := wire.Signal(kind, body)
	if err != nil {
		t.Fatal(err)
	}
	return eventlog.Event{Pos: pos, Kind: eventlog.Signal, Audience: eventlog.ToGroup(7), Body: signal}
}

func joins(t *testing.T, pos eventlog.Position, u string) eventlog.Event {
	return signalIn(t, pos, wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP, &wirev1.SignalSignInGroup{Uid: []string{u}, Group: 7})
}

func leaves(t *testing.T, pos eventlog.Position, u string) eventlog.Event {
	return signalIn(t, pos, wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP, &wirev1.SignalSignOutGroup{Uid: []string{u}, Group: 7})
}

// registered is a hub with ann, whose places are not loaded yet.
func registered(t *testing.T) (*hub, *user) {
	t.Helper()
	h := newHub(0)
	s := &session{uid: "ann"}
	if !h.add(s, 1, func() {}) {
		t.Fatal("ann is not let in")
	}
	return h, s.user
}

// Whether a place is loaded before, between or after the signals that change it,
// ann reads the same.
func TestPlacesAreTheSameInWhateverOrderTheyAreLearnt(t *testing.T) {
	t.Parallel()
	type intervals = []eventlog.Interval
	const forever = eventlog.Forever
	for _, c := range []struct {
		name   string
		events []eventlog.Event
		// places is what the database has after so many of the events.
		places []intervals
		want   string
	}{
		{"stays", []eventlog.Event{joins(t, 15, "ben")}, []intervals{{{From: 10, To: forever}}, {{From: 10, To: forever}}}, "10-20"},
		{"comes", []eventlog.Event{joins(t, 12, "ann")}, []intervals{nil, {{From: 12, To: forever}}}, "12-20"},
		{"goes", []eventlog.Event{leaves(t, 14, "ann")}, []intervals{{{From: 10, To: forever}}, {{From: 10, To: 14}}}, "10-14"},
		{"comes and goes", []eventlog.Event{joins(t, 12, "ann"), leaves(t, 14, "ann")},
			[]intervals{nil, {{From: 12, To: forever}}, {{From: 12, To: 14}}}, "12-14"},
		{"goes and comes", []eventlog.Event{leaves(t, 12, "ann"), joins(t, 14, "ann")},
			[]intervals{{{From: 10, To: forever}}, {{From: 10, To: 12}}, {{From: 10, To: 12}, {From: 14, To: forever}}}, "10-12 14-20"},
		{"comes, goes and comes", []eventlog.Event{joins(t, 11, "ann"), leaves(t, 13, "ann"), joins(t, 16, "ann")},
			[]intervals{nil, {{From: 11, To: forever}}, {{From: 11, To: 13}}, {{From: 11, To: 13}, {From: 16, To: forever}}}, "11-13 16-20"},
	} {
		for read := range c.places { // the database is read after so many events …
			for known := range c.places { // … and known here after so many
				h, u := registered(t)
				h.dispatch(c.events[:known], 0)
				h.place(u, map[id.GID][]eventlog.Interval{7: slices.Clone(c.places[read])})
				h.dispatch(c.events[known:], 20)
				if got := readable(u); got != c.want {
					t.Errorf("%s, read after %d events and known after %d: ann reads %s, want %s", c.name, read, known, got, c.want)
				}
			}
		}
	}
}

// readable lists which of the positions 10 to 20 of group 7 somebody reads.
func readable(u *user) string {
	var runs []string
	for p, from := eventlog.Position(10), eventlog.Position(0); p <= 21; p++ {
		reads := p <= 20 && u.concerns(&entry{Event: eventlog.Event{Pos: p, Audience: eventlog.ToGroup(7)}})
		switch {
		case reads && from == 0:
			from = p
		case !reads && from != 0:
			runs = append(runs, fmt.Sprintf("%d-%d", from, p-1))
			from = 0
		}
	}
	return fmt.Sprint(runs)[1 : len(fmt.Sprint(runs))-1]
}

func TestAUserWithoutSessionsIsForgotten(t *testing.T) {
	t.Parallel()
	h, u := registered(t)
	h.place(u, map[id.GID][]eventlog.Interval{7: {{From: 1, To: eventlog.Forever}}})
	h.remove(u.sessions[0])
	h.place(u, map[id.GID][]eventlog.Interval{8: {{From: 1, To: eventlog.Forever}}}) // a read that took long
	if len(h.users) > 0 || len(h.groups) > 0 {
		t.Errorf("the hub keeps the users %v and groups %v", h.users, h.groups)
	}
}

func TestPlacesThatEndedLongAgoAreForgotten(t *testing.T) {
	t.Parallel()
	h, u := registered(t)
	h.ring.after = 100
	h.place(u, map[id.GID][]eventlog.Interval{
		7: {{From: 1, To: 50}, {From: 60, To: 100}}, 8: {{From: 1, To: 50}, {From: 60, To: 101}}, 9: {{From: 1, To: eventlog.Forever}},
	})
	h.dispatch([]eventlog.Event{joins(t, 120, "ann")}, 120)
	if len(u.intervals) != 3 || len(u.intervals[7]) != 1 || len(u.intervals[8]) != 1 {
		t.Errorf("ann's places are %v", u.intervals)
	}
	h.ring.after = 130
	h.dispatch([]eventlog.Event{joins(t, 140, "ann")}, 140)
	if len(u.intervals) != 2 || len(u.intervals[7]) != 2 || len(u.intervals[9]) != 1 || h.groups[8] != nil {
		t.Errorf("ann's places are %v, the groups are routed to %v", u.intervals, h.groups)
	}
}

func TestTheRingKeepsTheNewestWithoutAGap(t *testing.T) {
	t.Parallel()
	var r ring
	for p := eventlog.Position(1); p <= ringEvents+100; p++ {
		r.push(newEntry(eventlog.Event{Pos: 2 * p}))
	}
	if r.after != 200 || len(r.entries) != ringEvents {
		t.Errorf("the ring has %d events after %d", len(r.entries), r.after)
	}
	if from := r.from(r.after); len(from) != ringEvents || from[0].Pos != 202 {
		t.Errorf("from its beginning the ring has %d events", len(from))
	}
	if r.at(203) != nil || r.at(204) == nil || r.at(200) != nil {
		t.Error("the ring finds positions that have no event, or does not find those that have one")
	}
	// Few large events push many small ones out.
	large := make([]byte, ringBytes/2)
	for p := eventlog.Position(100_000); p < 100_002; p++ {
		r.push(newEntry(eventlog.Event{Pos: p, Body: large}))
	}
	if r.after != 100_000 || len(r.entries) != 1 {
		t.Errorf("after two large events the ring has %d events after %d", len(r.entries), r.after)
	}
}
