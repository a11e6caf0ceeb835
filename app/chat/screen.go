package chat

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// screen prints lines. On a terminal it puts them above what the user is typing,
// and changes the marks of the user's own lines where they stand; elsewhere it
// only adds lines.
//
// It never knows what the user has typed so far: the terminal edits that, and
// does it well in every script. It counts the rows that it printed itself, and
// changes only rows of which it is sure where they are.
type screen struct {
	out  io.Writer
	size func() (width, height int) // nil where out is no terminal

	mu  sync.Mutex
	row int // in which the user types, counted from the first line
	// sure is the first row whose place is known: below it every line took one
	// row.
	sure  int
	width int
}

// mark is the place of a mark: the row of its line and one, or 0 for none.
type mark int

// markWidth is the room for a mark before a line.
const markWidth = 3

const (
	up    = "\x1b[%dA"
	save  = "\x1b7"
	back  = "\x1b8"
	erase = "\r\x1b[K"
	// above opens an empty row above the one that the user types in: it makes
	// room at the end of the screen, goes back up in the same column, remembers
	// the place and inserts a row there.
	above = "\x1bD" + "\x1b[A" + save + "\x1b[L" + "\r"
	below = back + "\x1b[B"
)

// say prints a line.
func (s *screen) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print("", line)
}

// own prints a line of the user that was typed elsewhere or before.
func (s *screen) own(sign, line string) mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.print(sign, line)
}

// typed says it again in the form of a line, with the time and a mark.
func (s *screen) typed(text string) mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == nil {
		return 0
	}
	s.measure()
	if !s.fits(text, 0) {
		s.row++
		s.sure = s.row
		return 0
	}
	fmt.Fprintf(s.out, up+erase, 1)
	if text == "" {
		return 0
	}
	line := time.Now().Format(time.TimeOnly) + " me: " + clean(text)
	fmt.Fprintf(s.out, "%s%s\r\n", sign("…"), line)
	return s.counted(line)
}

// print prints a line with a mark. The lock is held.
func (s *screen) print(mark, line string) mark {
	line = clean(line)
	if s.size == nil {
		fmt.Fprintln(s.out, line)
		return 0
	}
	s.measure()
	if s.fits(line, markWidth) {
		fmt.Fprint(s.out, above, sign(mark), line, below)
	} else {
		fmt.Fprint(s.out, erase, sign(mark), line, "\r\n")
	}
	return s.counted(line)
}

// sign is a mark in the room for it.
func sign(mark string) string {
	return mark + fmt.Sprintf("\x1b[%dG", markWidth+1)
}

// counted counts a line that was printed and returns the place of its mark.
func (s *screen) counted(line string) mark {
	row := s.row
	s.row++
	if !s.fits(line, markWidth) {
		s.sure = s.row
		return 0
	}
	return mark(row + 1)
}

// measure looks how wide the terminal is now. When that has changed, it has
// moved what stands on it.
func (s *screen) measure() {
	if width, _ := s.size(); width != s.width {
		s.width, s.sure = width, s.row
	}
}

// fits reports whether a line surely takes one row: no character is wider than
// the number of its bytes.
func (s *screen) fits(line string, indent int) bool { return indent+len(line) < s.width }

// mark puts another mark before a line, or says so in a line of its own where
// that cannot be done.
func (s *screen) mark(at mark, to string, logID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.remark(at, to) {
		s.print("", fmt.Sprintf("%s %d", to, logID))
	}
}

// fail marks a line that was not sent.
func (s *screen) fail(at mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remark(at, "✗")
}

func (s *screen) remark(at mark, to string) bool {
	if s.size == nil || at == 0 {
		return false
	}
	s.measure()
	row, distance := int(at)-1, s.row-int(at)+1
	if _, height := s.size(); row < s.sure || distance >= height {
		return false
	}
	fmt.Fprintf(s.out, save+up+"\r%-*s"+back, distance, markWidth, to)
	return true
}

// clean writes out what must not reach a terminal: characters that move, hide or
// reorder what stands there. Line breaks are among them, so that no text looks
// like two lines.
func clean(text string) string {
	if strings.IndexFunc(text, dirty) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if dirty(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// dirty reports whether a character is none to be seen. The two joiners are part
// of the writing of some languages and of emoji.
func dirty(r rune) bool {
	return !unicode.IsGraphic(r) && r != '\u200c' && r != '\u200d'
}

// typed is a line of the input.
type typed struct {
	text string
	mark mark
}

// readLines reads the input. The channel is closed at its end.
func readLines(ctx context.Context, in io.Reader, s *screen) <-chan typed {
	lines := make(chan typed)
	go func() {
		defer close(lines)
		r := bufio.NewReader(in)
		for {
			text, err := r.ReadString('\n')
			ended := strings.HasSuffix(text, "\n")
			text = strings.ToValidUTF8(strings.TrimRight(text, "\r\n"), "\ufffd")
			line := typed{text: text}
			if ended {
				line.mark = s.typed(text)
			}
			if strings.TrimSpace(text) != "" {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return lines
}
