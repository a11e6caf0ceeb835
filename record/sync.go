package record

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// Sync gives each the first count events for u after a position, in order and
// in parts, as clients read them. Fewer than count means that there are no more.
func (s *Service) Sync(ctx context.Context, u id.UID, after eventlog.Position, count int, each func([][]byte) error) error {
	return s.log.Read(ctx, u, after, count, func(events []eventlog.Event) error {
		protos := make([][]byte, len(events))
		for i := range events {
			p, err := wire.Render(&events[i])
			if err != nil {
				return err
			}
			protos[i] = p
		}
		return each(protos)
	})
}

// Entry is a message of a private history.
type Entry struct {
	LogID    eventlog.Position
	MsgID    string
	From     id.UID
	Target   id.UID
	MsgType  wirev1.MsgType
	Content  []byte // JSON
	Datetime int64  // Unix milliseconds
}

// History gives each, newest first and in parts, the first count messages
// between two users before a position; 0 means from the newest.
func (s *Service) History(ctx context.Context, u, other id.UID, before eventlog.Position, count int, each func([]Entry) error) error {
	return s.log.History(ctx, u, other, before, count, func(events []eventlog.Event) error {
		entries := make([]Entry, len(events))
		for i := range events {
			e := &events[i]
			var m wirev1.Common
			if err := proto.Unmarshal(e.Body, &m); err != nil {
				return fmt.Errorf("decode message %d: %w", e.Pos, err)
			}
			entries[i] = Entry{
				LogID: e.Pos, MsgID: m.MsgId, From: e.Author, Target: e.A,
				MsgType: m.MsgType, Content: Content(m.MsgType, m.Msg), Datetime: e.At,
			}
		}
		return each(entries)
	})
}
