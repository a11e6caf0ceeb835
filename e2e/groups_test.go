package e2e

import (
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// The rights in groups belong to the event log; tests change them through its
// interface, with the events that clients are told.

// change runs a change of groups in the log.
func (w *world) change(fn func(*eventlog.Tx) error) {
	w.t.Helper()
	if err := w.log.Change(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// lastGroup numbers the groups of all tests; ids begin above 2^33 so that
// nothing passes which takes them for 32-bit numbers.
var lastGroup atomic.Int64

// group makes a group with an owner and members.
func (w *world) group(owner *client, members ...*client) id.GID {
	w.t.Helper()
	g := id.GID(1<<33 + lastGroup.Add(1))
	people := append(newcomers(owner), newcomers(members...)...)
	people[0].Role = eventlog.Owner
	w.change(func(tx *eventlog.Tx) error { return tx.OpenGroup(g, people...) })
	return g
}

// announce runs a change of a group together with the signal that tells of it,
// and returns the signal's logId.
func (w *world) announce(g id.GID, kind wirev1.SignalType, body proto.Message, change func(*eventlog.Tx, eventlog.Position) error) int64 {
	w.t.Helper()
	var at eventlog.Position
	w.change(func(tx *eventlog.Tx) error {
		return tx.Append(1, func(first eventlog.Position, _ int64) ([]eventlog.Event, error) {
			at = first
			signal, err := wire.Signal(kind, body)
			if err != nil {
				return nil, err
			}
			event := eventlog.Event{ID: uuid.NewString(), Audience: eventlog.ToGroup(g), Kind: eventlog.Signal, Body: signal}
			return []eventlog.Event{event}, change(tx, first)
		})
	})
	return int64(at)
}

// join lets people into a group.
func (w *world) join(g id.GID, people ...*client) int64 {
	w.t.Helper()
	return w.announce(g, wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP, &wirev1.SignalSignInGroup{Uid: uids(people), Group: int64(g)},
		func(tx *eventlog.Tx, at eventlog.Position) error {
			if err := tx.Admit(g, newcomers(people...)...); err != nil {
				return err
			}
			return tx.Join(g, at, asUIDs(people)...)
		})
}

// leave takes people out of a group.
func (w *world) leave(g id.GID, people ...*client) int64 {
	w.t.Helper()
	return w.announce(g, wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP, &wirev1.SignalSignOutGroup{Uid: uids(people), Group: int64(g)},
		func(tx *eventlog.Tx, at eventlog.Position) error { return tx.Leave(g, at, asUIDs(people)...) })
}

// disband ends a group for ever.
func (w *world) disband(g id.GID) int64 {
	w.t.Helper()
	return w.announce(g, wirev1.SignalType_SIGNAL_TYPE_DELETE_GROUP, &wirev1.SignalDeleteGroup{Group: int64(g)},
		func(tx *eventlog.Tx, at eventlog.Position) error { return tx.Disband(g, at) })
}

// quietly runs a change without an event; it takes its place in the order all
// the same.
func (w *world) quietly(change func(*eventlog.Tx) error) {
	w.t.Helper()
	w.change(func(tx *eventlog.Tx) error {
		return tx.Append(0, func(eventlog.Position, int64) ([]eventlog.Event, error) { return nil, change(tx) })
	})
}

func (w *world) setStatus(g id.GID, s eventlog.Status) {
	w.t.Helper()
	w.quietly(func(tx *eventlog.Tx) error { return tx.SetStatus(g, s) })
}

func (w *world) setRole(g id.GID, role eventlog.Role, c *client) {
	w.t.Helper()
	w.quietly(func(tx *eventlog.Tx) error { return tx.SetRole(g, role, c.uid()) })
}

func (w *world) mute(g id.GID, until int64, c *client) {
	w.t.Helper()
	w.quietly(func(tx *eventlog.Tx) error { return tx.Mute(g, until, c.uid()) })
}

func (w *world) muteAll(g id.GID, on bool) {
	w.t.Helper()
	w.quietly(func(tx *eventlog.Tx) error { return tx.SetMuteAll(g, on) })
}

// notice writes a notice of the server into a group and returns its logId.
func (w *world) notice(g id.GID, operator *client) int64 {
	w.t.Helper()
	var at eventlog.Position
	w.change(func(tx *eventlog.Tx) error {
		return tx.Append(1, func(first eventlog.Position, _ int64) ([]eventlog.Event, error) {
			at = first
			return []eventlog.Event{{
				ID: uuid.NewString(), Author: operator.uid(), Audience: eventlog.ToGroup(g), Kind: eventlog.Notice,
				Body: encode(&wirev1.Common{
					ChannelType: wirev1.ChannelType_CHANNEL_TYPE_GROUP, MsgId: uuid.NewString(), Target: g.String(),
					MsgType: wirev1.MsgType_MSG_TYPE_NOTICE,
					Msg:     encode(&wirev1.Notice{Type: 4, Body: encode(&wirev1.NoticeDeleteGroup{Group: int64(g), Operator: string(operator.uid())})}),
				}),
			}}, nil
		})
	})
	return int64(at)
}

func newcomers(people ...*client) []eventlog.Newcomer {
	list := make([]eventlog.Newcomer, len(people))
	for i, p := range people {
		list[i] = eventlog.Newcomer{User: p.uid()}
	}
	return list
}

func asUIDs(people []*client) []id.UID {
	list := make([]id.UID, len(people))
	for i, p := range people {
		list[i] = p.uid()
	}
	return list
}

func uids(people []*client) []string {
	list := make([]string, len(people))
	for i, p := range people {
		list[i] = string(p.uid())
	}
	return list
}

// String says what an event is: the text of a message, or the name of a signal.
func (e event) String() string {
	switch {
	case e.signal != nil:
		return e.signal.Type.String()[len("SIGNAL_TYPE_"):]
	case e.message.MsgType == wirev1.MsgType_MSG_TYPE_NOTICE:
		return "NOTICE"
	}
	var m wirev1.Text
	if err := proto.Unmarshal(e.message.Msg, &m); err != nil {
		return fmt.Sprintf("%x", e.message.Msg)
	}
	return m.Content
}
