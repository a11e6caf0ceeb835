package eventlog

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/go-redis/redis/v8"
	"google.golang.org/protobuf/proto"

	logv1 "parley/api/proto/log/v1"
	"parley/pkg/id"
)

// generated decodes an entry with the generated code.
func generated(text string) ([]Event, error) {
	var batch logv1.Batch
	if err := proto.Unmarshal([]byte(text), &batch); err != nil {
		return nil, err
	}
	if len(batch.Events) == 0 {
		return nil, nil
	}
	if batch.First <= 0 || int(batch.Count) != len(batch.Events) {
		return nil, errNoBatch
	}
	events := make([]Event, len(batch.Events))
	for i, e := range batch.Events {
		events[i] = Event{
			Pos: Position(batch.First) + Position(i), Scope: e.Scope, ID: e.Id, Author: id.UID(e.Author),
			Audience: Audience{A: id.UID(e.UserA), B: id.UID(e.UserB), Group: id.GID(e.Group)},
			Kind:     Kind(e.Kind), At: e.At, Body: e.Body,
		}
	}
	return events, nil
}

func entryOf(text string) redis.XMessage {
	return redis.XMessage{Values: map[string]any{"batch": text}}
}

func someEvents(n int) []Event {
	events := make([]Event, n)
	for i := range events {
		e := private(id.UID(fmt.Sprint("from", i)), "to", fmt.Sprint(i))
		if i%3 == 0 {
			e = toGroup("from", id.GID(i+1), fmt.Sprint(i))
		}
		e.Pos, e.At, e.Body = Position(100+i), int64(1_800_000_000_000+i), bytes.Repeat([]byte{byte(i)}, i%7*50)
		events[i] = e
	}
	return events
}

// What the generated code takes means the same here. It refuses more: texts that are not
// UTF-8, which a batch of ours cannot have.
func FuzzEntry(f *testing.F) {
	for _, n := range []int{1, 2, 50} {
		entry, err := encodeBatch(someEvents(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(entry)
		f.Add(entry[:len(entry)-1])
	}
	f.Add([]byte("\x08\x01\x10\x05\x1a\x00"))
	f.Add([]byte("\x08\x01\x10\x01\x1a\x04\x0d\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, entry []byte) {
		want, err := generated(string(entry))
		got, ours := decodeBatch(entryOf(string(entry)))
		if err != nil {
			return
		}
		if ours != nil {
			t.Fatalf("an entry is refused: %v", ours)
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("an entry is read as\n%+v, not\n%+v", got, want)
		}
	})
}

func TestAnEntryHoldsAllThatThereIsToAnEvent(t *testing.T) {
	t.Parallel()
	want := someEvents(50)
	entry, err := encodeBatch(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeBatch(entryOf(string(entry)))
	if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("events are read as\n%+v (%v), not\n%+v", got, err, want)
	}
}

func BenchmarkDecodeBatch(b *testing.B) {
	events := someEvents(200)
	entry, err := encodeBatch(events)
	if err != nil {
		b.Fatal(err)
	}
	for name, decode := range map[string]func(string) ([]Event, error){
		"by hand":   func(text string) ([]Event, error) { return decodeBatch(entryOf(text)) },
		"generated": generated,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := decode(string(entry)); err != nil || len(got) != len(events) {
					b.Fatal(err)
				}
			}
		})
	}
}
