package chat

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"
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
	read, lines := make(chan typed), make(chan typed)
	send := func(to chan<- typed, line typed) bool {
		select {
		case to <- line:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(read)
		for r := bufio.NewReader(in); ; {
			text, err := r.ReadString('\n')
			if err != nil && text == "" {
				return
			}
			text = strings.ToValidUTF8(strings.TrimRight(text, "\r\n"), "\ufffd")
			if !send(read, typed{text: text}) {
				return
			}
		}
	}()
	go func() {
		defer close(lines)
		for line := range read {
			batch := []typed{line}
			if s.size != nil {
				batch = s.gather(line, read)
			}
			for _, line := range batch {
				if strings.TrimSpace(line.text) != "" && !send(lines, line) {
					return
				}
			}
		}
	}()
	return lines
}

// gather takes what was typed or pasted at once. Nothing is printed meanwhile,
// so that it stands where the user left it.
func (s *screen) gather(first typed, read <-chan typed) []typed {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := []typed{first}
	for {
		select {
		case line, ok := <-read:
			if ok {
				batch = append(batch, line)
				continue
			}
		case <-time.After(together):
		}
		s.typed(batch)
		return batch
	}
}
