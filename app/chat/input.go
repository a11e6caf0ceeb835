package chat

import (
	"context"
	"io"
	"strings"
	"time"

	"parley/app/client"
)

// typed is a line of the input.
type typed struct {
	text string
	mark mark // where it stands on the screen
}

// together is how soon lines follow each other that were pasted: they are on the
// terminal before the first of them is read.
const together = 5 * time.Millisecond

// readLines reads the input and sees to it that what was typed looks like what
// others say. The channel is closed at the end of the input.
func readLines(ctx context.Context, in io.Reader, s *screen) <-chan typed {
	read, lines := client.ReadLines(ctx, in), make(chan typed)
	go func() {
		defer close(lines)
		for line := range read {
			batch := []typed{{text: line}}
			if s.size != nil {
				batch = s.gather(line, read)
			}
			for _, line := range batch {
				if strings.TrimSpace(line.text) == "" {
					continue
				}
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return lines
}

// gather takes what was typed or pasted at once. Nothing is printed meanwhile,
// so that it stands where the user left it.
func (s *screen) gather(first string, read <-chan string) []typed {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := []typed{{text: first}}
	for {
		select {
		case line, ok := <-read:
			if ok {
				batch = append(batch, typed{text: line})
				continue
			}
		case <-time.After(together):
		}
		s.typed(batch)
		return batch
	}
}
