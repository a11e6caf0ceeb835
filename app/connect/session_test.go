package connect

import (
	"errors"
	"testing"

	"parley/app/presence"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// letters are messages to bob at some positions.
func letters(positions ...eventlog.Position) []eventlog.Event {
	var events []eventlog.Event
	for _, p := range positions {
		events = append(events, eventlog.Event{Pos: p, Kind: eventlog.Message, Author: "alice", Audience: eventlog.Audience{A: id.UID("bob"), B: "alice"}})
	}
	return events
}

// A client vanishes while the next page for it is being read from the log.
func TestAPageThatComesTooLateMovesNoCursor(t *testing.T) {
	t.Parallel()
	g := &Gateway{config: Config{Window: 10, WindowBytes: 1 << 20}, hub: newHub(0), presence: presence.NewKeeper(nil, "gateway")}
	s := &session{gateway: g, phase: entered, presence: g.presence.Enter(presence.Connection{User: "bob"})}
	s.out.close() // nobody is there to write to
	if err := s.page(letters(3, 5, 8)); err != nil {
		t.Fatal(err)
	}
	s.reach(9)
	s.window.confirm(1)
	s.leave()
	if err := s.page(letters(12, 15)); !errors.Is(err, errOver) {
		t.Errorf("a page after the end is answered with %v", err)
	}
	s.reach(20)
	if got := s.cursor(); got != 4 {
		t.Errorf("the cursor is %d, though 5 was not confirmed", got)
	}
}
