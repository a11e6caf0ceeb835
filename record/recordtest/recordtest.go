// Package recordtest sets up the record service on a database of its own, for
// tests of the service and of what stands in front of it.
package recordtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/sqldb"
	"parley/pkg/sqldb/sqldbtest"
	"parley/pkg/wire"
	"parley/record"
	"parley/record/store"
)

// World is a database with a log and the record service on it.
type World struct {
	testing.TB
	DB      *sqldb.DB
	Log     *eventlog.Log
	Service *record.Service
}

// New returns a world that goes with t.
func New(t testing.TB, options ...eventlog.Option) *World {
	t.Helper()
	return on(t, sqldbtest.New(t), options...)
}

// Beside returns another service on the database of w, as another process has
// it.
func (w *World) Beside(options ...eventlog.Option) *World {
	w.Helper()
	return on(w.TB, w.DB, options...)
}

func on(t testing.TB, db *sqldb.DB, options ...eventlog.Option) *World {
	log := eventlog.Open(db, options...)
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Errorf("close the log: %v", err)
		}
	})
	return &World{t, db, log, record.New(log, store.Store{}, record.DefaultConfig())}
}

// Change makes a change in the log.
func (w *World) Change(change func(tx *eventlog.Tx) error) {
	w.Helper()
	if err := w.Log.Change(context.Background(), change); err != nil {
		w.Fatalf("change the log: %v", err)
	}
}

// Group opens a group. The first of its members is the owner.
func (w *World) Group(g id.GID, members ...id.UID) {
	w.Helper()
	first := make([]eventlog.Newcomer, len(members))
	for i, u := range members {
		first[i] = eventlog.Newcomer{User: u}
	}
	first[0].Role = eventlog.Owner
	w.Change(func(tx *eventlog.Tx) error { return tx.OpenGroup(g, first...) })
}

// Join lets somebody into a group.
func (w *World) Join(g id.GID, u id.UID) {
	w.Helper()
	w.announce(g, wirev1.SignalType_SIGNAL_TYPE_SIGN_IN_GROUP, &wirev1.SignalSignInGroup{Uid: []string{string(u)}, Group: int64(g)},
		func(tx *eventlog.Tx, at eventlog.Position) error {
			return errors.Join(tx.Admit(g, eventlog.Newcomer{User: u}), tx.Join(g, at, u))
		})
}

// Leave lets somebody leave a group, and returns the position at which he did.
func (w *World) Leave(g id.GID, u id.UID) eventlog.Position {
	w.Helper()
	return w.announce(g, wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP, &wirev1.SignalSignOutGroup{Uid: []string{string(u)}, Group: int64(g)},
		func(tx *eventlog.Tx, at eventlog.Position) error { return tx.Leave(g, at, u) })
}

// Disband ends a group.
func (w *World) Disband(g id.GID) {
	w.Helper()
	w.announce(g, wirev1.SignalType_SIGNAL_TYPE_DELETE_GROUP, &wirev1.SignalDeleteGroup{Group: int64(g)},
		func(tx *eventlog.Tx, at eventlog.Position) error { return tx.Disband(g, at) })
}

// announce runs a change of a group together with the signal that tells of it,
// and returns the signal's position.
func (w *World) announce(g id.GID, kind wirev1.SignalType, body proto.Message, change func(*eventlog.Tx, eventlog.Position) error) (at eventlog.Position) {
	w.Helper()
	w.Change(func(tx *eventlog.Tx) error {
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
	return at
}

// Send sends a Proto and returns its logId.
func (w *World) Send(from id.UID, encoded []byte) eventlog.Position {
	w.Helper()
	receipt, err := w.TrySend(from, encoded)
	if err != nil {
		w.Fatalf("send as %s: %v", from, err)
	}
	return receipt.Pos
}

// TrySend is Send for what may be refused.
func (w *World) TrySend(from id.UID, encoded []byte) (receipt eventlog.Receipt, err error) {
	done := make(chan struct{})
	w.Service.Send([]record.Outgoing{{Sender: from, Proto: encoded, Done: func(r eventlog.Receipt, e error) {
		receipt, err = r, e
		close(done)
	}}})
	<-done
	return receipt, err
}

// Sync returns what u reads after a position, each event as Describe has it.
func (w *World) Sync(u id.UID, after eventlog.Position) (read []string) {
	w.Helper()
	page, err := w.Service.Sync(context.Background(), u, after, 10_000, 1<<30)
	if err != nil {
		w.Fatalf("sync %s after %d: %v", u, after, err)
	}
	for _, p := range page.Protos {
		read = append(read, Describe(w.TB, p))
	}
	return read
}

// Message is a text message to a user.
func Message(to id.UID, msgID, text string) *wirev1.Common {
	return &wirev1.Common{
		ChannelType: wirev1.ChannelType_CHANNEL_TYPE_USER, MsgId: msgID, Target: string(to),
		MsgType: wirev1.MsgType_MSG_TYPE_TEXT, Msg: encode(&wirev1.Text{Content: text}),
	}
}

// GroupMessage is a text message to a group.
func GroupMessage(to id.GID, msgID, text string) *wirev1.Common {
	m := Message(id.UID(to.String()), msgID, text)
	m.ChannelType = wirev1.ChannelType_CHANNEL_TYPE_GROUP
	return m
}

// Proto wraps a message as clients send it.
func Proto(m *wirev1.Common) []byte { return encode(&wirev1.Proto{Body: encode(m)}) }

// Text is a text message to a user as clients send it.
func Text(to id.UID, msgID string) []byte { return Proto(Message(to, msgID, "text of "+msgID)) }

// GroupText is a text message to a group as clients send it.
func GroupText(to id.GID, msgID string) []byte {
	return Proto(GroupMessage(to, msgID, "text of "+msgID))
}

func encode(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", m, err))
	}
	return b
}

// Describe says in a few words what a Proto that clients read is: "m1 from
// alice", "revoke 3 by alice", "focus 3 by bob, 2 in all", "bob left".
func Describe(t testing.TB, encoded []byte) string {
	t.Helper()
	var envelope wirev1.Proto
	decode(t, encoded, &envelope)
	if envelope.EventType == wirev1.EventType_EVENT_TYPE_COMMON {
		var m wirev1.Common
		decode(t, envelope.Body, &m)
		return m.MsgId + " from " + m.From
	}
	var s wirev1.Signal
	decode(t, envelope.Body, &s)
	switch s.Type {
	case wirev1.SignalType_SIGNAL_TYPE_REVOKE:
		var r wirev1.SignalRevoke
		decode(t, s.Body, &r)
		if r.Self {
			return fmt.Sprintf("revoke %d by its author %s", r.LogId, r.Operator)
		}
		return fmt.Sprintf("revoke %d by %s", r.LogId, r.Operator)
	case wirev1.SignalType_SIGNAL_TYPE_FOCUS_MESSAGE:
		var f wirev1.SignalFocusMessage
		decode(t, s.Body, &f)
		return fmt.Sprintf("focus %d by %s, %d in all", f.LogId, f.Uid, f.CurrentNum)
	case wirev1.SignalType_SIGNAL_TYPE_SIGN_OUT_GROUP:
		var l wirev1.SignalSignOutGroup
		decode(t, s.Body, &l)
		return strings.Join(l.Uid, ", ") + " left"
	}
	return s.Type.String()
}

func decode(t testing.TB, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatalf("decode %T: %v", m, err)
	}
}
