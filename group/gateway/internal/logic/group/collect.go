package group

import (
	"errors"
	"io"

	"google.golang.org/grpc"
)

// collect reads a list that comes in parts to its end. A stream that breaks off
// gives nothing: half a list would look like a whole one.
func collect[Part, Item any](stream grpc.ServerStreamingClient[Part], items func(*Part) []Item) ([]Item, error) {
	var all []Item
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, items(part)...)
	}
}
