package client

import (
	"bufio"
	"context"
	"io"
	"strings"
)

// ReadLines reads the input. The channel is closed at its end.
func ReadLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for r := bufio.NewReader(in); ; {
			text, err := r.ReadString('\n')
			if err != nil && text == "" {
				return
			}
			select {
			case lines <- strings.ToValidUTF8(strings.TrimRight(text, "\r\n"), "\ufffd"):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}
