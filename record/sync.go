package record

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
	"parley/pkg/wire"
)

// Page is a part of what a user reads.
type Page struct {
	// Protos are the events as clients read them, in order.
	Protos [][]byte
	// Last is the position of the last one, or where the page began.
	Last eventlog.Position
	// More says that the page was full before it had all that was asked for.
	More bool
}

// errFull ends a read whose page is full.
var errFull = errors.New("the page is full")

// Sync reads the first count events for u after a position, or as many as
// maxBytes hold, but one at least. Fewer than count, without More, means that
// there are no more.
func (s *Service) Sync(ctx context.Context, u id.UID, after eventlog.Position, count, maxBytes int) (Page, error) {
	page, size := Page{Last: after}, 0
	err := s.log.Read(ctx, u, after, count, func(events []eventlog.Event) error {
		for i := range events {
			p, err := wire.Render(&events[i])
			if err != nil {
				return err
			}
			if size += len(p); size > maxBytes && len(page.Protos) > 0 {
				page.More = true
				return errFull
			}
			page.Protos = append(page.Protos, p)
			page.Last = events[i].Pos
		}
		return nil
	})
	if page.More {
		err = nil
	}
	return page, err
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

// History reads, newest first, the first count messages between two users
// before a position, or as many as maxBytes hold, but one at least; before 0
// means from the newest. It reports whether there was no room for more.
func (s *Service) History(ctx context.Context, u, other id.UID, before eventlog.Position, count, maxBytes int) (entries []Entry, more bool, err error) {
	size := 0
	err = s.log.History(ctx, u, other, before, count, func(events []eventlog.Event) error {
		for i := range events {
			e, err := entryOf(&events[i])
			if err != nil {
				return err
			}
			if size += len(e.Content); size > maxBytes && len(entries) > 0 {
				more = true
				return errFull
			}
			entries = append(entries, e)
		}
		return nil
	})
	if more {
		err = nil
	}
	return entries, more, err
}

func entryOf(e *eventlog.Event) (Entry, error) {
	var m wirev1.Common
	if err := proto.Unmarshal(e.Body, &m); err != nil {
		return Entry{}, fmt.Errorf("decode message %d: %w", e.Pos, err)
	}
	return Entry{
		LogID: e.Pos, MsgID: m.MsgId, From: e.Author, Target: e.A,
		MsgType: m.MsgType, Content: Content(m.MsgType, m.Msg), Datetime: e.At,
	}, nil
}
