package chat

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"parley/app/client"
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

	mu            sync.Mutex
	width, height int
	row           int // in which the user types, counted from the first line
	sure          int // the first row below which all places are known
}

// mark is the place of a mark: the row of its line and one, or 0 for none.
type mark int

// markWidth is the room for a mark before a line.
const markWidth = 3

// What terminals understand.
const (
	save   = "\x1b7"
	back   = "\x1b8"
	index  = "\x1bD" // one row down in the same column, with room made at the end
	up     = "\x1b[%dA"
	down   = "\x1b[%dB"
	insert = "\x1b[%dL" // rows
	column = "\x1b[%dG"
	erase  = "\r\x1b[K" // the row
	clear  = "\x1b[J"   // everything from here on
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

// print prints a line with a mark. The lock is held.
func (s *screen) print(sign, line string) mark {
	line = client.Clean(line)
	if s.size == nil {
		fmt.Fprintln(s.out, line)
		return 0
	}
	s.measure()
	text := room(sign) + line
	if n, ok := s.rows(line, markWidth); ok && n < s.height {
		fmt.Fprintf(s.out, strings.Repeat(index, n)+up+save+insert+"\r%s"+back+down, n, n, text, n)
	} else {
		fmt.Fprint(s.out, erase, text, "\r\n")
	}
	return s.count(line)
}

// room is a mark and the rest of the room for it: not all terminals agree on how
// wide it is.
func room(sign string) string { return sign + fmt.Sprintf(column, markWidth+1) }

// count counts a line that was printed and returns the place of its mark.
func (s *screen) count(line string) mark {
	n, ok := s.rows(line, markWidth)
	row := s.row
	s.row += n
	if !ok {
		s.sure = s.row
		return 0
	}
	return mark(row + 1)
}

// typed puts the lines that the user has just typed into the form of all others,
// where it is sure which rows they take.
func (s *screen) typed(lines []typed) {
	s.measure()
	before, after, sure := 0, 0, true
	texts := make([]string, len(lines))
	for i, line := range lines {
		n, ok := s.rows(line.text, 0)
		before += n
		sure = sure && ok && client.Clean(line.text) == line.text
		if line.text != "" {
			texts[i] = time.Now().Format(time.TimeOnly) + " me: " + line.text
			n, _ = s.rows(texts[i], markWidth)
			after += n
		}
	}
	if !sure || before >= s.height {
		s.row += before
		s.sure = s.row
		return
	}
	fmt.Fprintf(s.out, save+up+"\r", before)
	if after != before {
		fmt.Fprint(s.out, clear)
	}
	for i, text := range texts {
		if text != "" {
			fmt.Fprint(s.out, erase, room("…"), text, "\r\n")
			lines[i].mark = s.count(text)
		}
	}
	if after == before {
		fmt.Fprint(s.out, back) // where the next line may have been begun
	}
}

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
	row := int(at) - 1
	if row < s.sure || s.row-row >= s.height {
		return false
	}
	fmt.Fprintf(s.out, save+up+"\r%-*s"+back, s.row-row, markWidth, to)
	return true
}

// measure looks how large the terminal is now. When its width has changed, it
// has moved what stands on it.
func (s *screen) measure() {
	width, height := s.size()
	if width != s.width {
		s.sure = s.row
	}
	s.width, s.height = width, height
}

// rows returns how many rows a line takes that begins in a column, and whether
// that is sure: terminals agree on the width of some scripts only. No character
// is wider than the number of its bytes.
func (s *screen) rows(line string, at int) (n int, sure bool) {
	if s.width < 2*markWidth {
		return 1, false
	}
	if at+len(line) <= s.width {
		return 1, true
	}
	n, sure = 1, true
	for _, r := range line {
		w := 1
		switch {
		case r < unicode.MaxASCII:
		case wide(r):
			w = 2
		default:
			sure = false
		}
		if at+w > s.width {
			n, at = n+1, 0
		}
		at += w
	}
	return n, sure
}

// wide reports whether a character takes two columns everywhere.
func wide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) && r < 0xff00 ||
		'\u3001' <= r && r <= '\u3011' || '\uff01' <= r && r <= '\uff60'
}
