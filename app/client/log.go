package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
)

// Sync returns up to count of the user's events after a position.
func (r REST) Sync(ctx context.Context, after int64, count int) ([]Event, error) {
	var page struct {
		Records []string `json:"records"`
	}
	if err := r.JSON(ctx, "/app/record/sync-record", map[string]any{"count": count, "start": after}, &page); err != nil {
		return nil, err
	}
	events := make([]Event, 0, len(page.Records))
	for _, record := range page.Records {
		raw, err := base64.StdEncoding.DecodeString(record)
		if err != nil {
			return nil, fmt.Errorf("read an event after %d: %w", after, err)
		}
		e, err := decodeEvent(raw)
		if err != nil {
			return nil, fmt.Errorf("read an event after %d: %w", after, err)
		}
		events = append(events, e)
	}
	return events, nil
}

const (
	// syncCount is the size of a page of sync-record, backCount that of one
	// when looking back.
	syncCount = 200
	backCount = 1000
	// maxPosition is above every position.
	maxPosition = 1<<53 - 1
	// maxBack bounds how often Newest looks further back.
	maxBack = 6
)

// Newest returns the newest events that are wanted, oldest first, and the
// position of the newest event of all. It finds up to count of them, or fewer
// where they are rare: sync-record only reads onwards, so it looks into some
// stretches before the end, each twice as long as the last.
func (r REST) Newest(ctx context.Context, count int, want func(Event) bool) (found []Event, end int64, err error) {
	unwanted := func(e Event) bool { return !want(e) }
	found, start, err := r.Tail(ctx)
	if err != nil || len(found) == 0 {
		return nil, 0, err
	}
	end = found[len(found)-1].Pos
	found = slices.DeleteFunc(found, unwanted)
	stretch := max(end-start, syncCount)
	for n := 0; n < maxBack && start > 0 && len(found) < count; n++ {
		from := max(0, start-stretch)
		earlier, err := r.between(ctx, from, start)
		if err != nil {
			return nil, 0, err
		}
		found = append(slices.DeleteFunc(earlier, unwanted), found...)
		start, stretch = from, 2*stretch
	}
	return found[max(0, len(found)-count):], end, nil
}

// Tail returns the last events, a page at most, and the position after which it
// read them. A page says on which side of its beginning the end lies, so that
// each halves the distance.
func (r REST) Tail(ctx context.Context) (events []Event, start int64, err error) {
	probe, low, high := int64(0), int64(0), int64(maxPosition)
	for {
		page, err := r.Sync(ctx, probe, syncCount)
		switch {
		case err != nil:
			return nil, 0, err
		case len(page) == 0:
			high = probe
		case len(page) < syncCount:
			return page, probe, nil
		default:
			events, start, low = page, probe, page[len(page)-1].Pos
		}
		if low+1 >= high {
			return events, start, nil
		}
		probe = low + (high-low)/2
		if high == maxPosition {
			probe = min(4*low, probe)
		}
	}
}

// between returns the Events after one position and up to another.
func (r REST) between(ctx context.Context, after, to int64) (events []Event, err error) {
	for {
		page, err := r.Sync(ctx, after, backCount)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Pos > to {
				return events, nil
			}
			events = append(events, e)
			after = e.Pos
		}
		if len(page) < backCount || after >= to {
			return events, nil
		}
	}
}
