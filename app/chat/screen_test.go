package chat

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// tty is a terminal, as far as screen needs one.
type tty struct {
	width, height int
	rows          [][]rune
	row, col      int
	saved         [2]int
}

func newTTY(width, height int) *tty {
	t := &tty{width: width, height: height}
	for range height {
		t.rows = append(t.rows, nil)
	}
	return t
}

func (t *tty) size() (width, height int) { return t.width, t.height }

// Write implements io.Writer.
func (t *tty) Write(p []byte) (int, error) {
	for b := p; len(b) > 0; {
		switch {
		case bytes.HasPrefix(b, []byte("\x1b[")):
			end := bytes.IndexFunc(b[2:], func(r rune) bool { return r >= '@' }) + 2
			t.control(string(b[2:end]), b[end])
			b = b[end+1:]
		case b[0] == 0x1b:
			t.escape(b[1])
			b = b[2:]
		default:
			r, n := utf8.DecodeRune(b)
			t.put(r)
			b = b[n:]
		}
	}
	return len(p), nil
}

func (t *tty) escape(c byte) {
	switch c {
	case '7':
		t.saved = [2]int{t.row, t.col}
	case '8':
		t.row, t.col = t.saved[0], t.saved[1]
	case 'D':
		t.index()
	default:
		panic(fmt.Sprintf("escape %q", c))
	}
}

func (t *tty) control(parameter string, c byte) {
	n := 1
	fmt.Sscan(parameter, &n)
	switch c {
	case 'A':
		t.row = max(0, t.row-n)
	case 'B':
		t.row = min(t.height-1, t.row+n)
	case 'G':
		t.col = n - 1
	case 'K':
		t.rows[t.row] = t.rows[t.row][:min(t.col, len(t.rows[t.row]))]
	case 'J':
		t.control("", 'K')
		for i := t.row + 1; i < t.height; i++ {
			t.rows[i] = nil
		}
	case 'L':
		for range n {
			t.rows = slices.Insert(t.rows, t.row, nil)[:t.height]
		}
	default:
		panic(fmt.Sprintf("control %q", c))
	}
}

func (t *tty) index() {
	if t.row++; t.row == t.height {
		t.rows, t.row = append(t.rows[1:], nil), t.height-1
	}
}

func (t *tty) put(r rune) {
	switch r {
	case '\r':
		t.col = 0
		return
	case '\n':
		t.index()
		return
	}
	if t.col == t.width {
		t.index()
		t.col = 0
	}
	row := t.rows[t.row]
	for len(row) <= t.col {
		row = append(row, ' ')
	}
	row[t.col] = r
	t.rows[t.row] = row
	t.col++
}

// typing is what the terminal itself does when the user types.
func (t *tty) typing(text string) { fmt.Fprint(t, strings.ReplaceAll(text, "\n", "\r\n")) }

// String is what stands on the terminal, with the time left out.
func (t *tty) String() string {
	var lines []string
	for _, row := range t.rows {
		line := strings.TrimRight(string(row), " ")
		if at := strings.Index(line, " me: "); at >= 8 {
			line = line[:at-8] + "0:00" + line[at:]
		}
		lines = append(lines, line)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (t *tty) want(tt *testing.T, want string) {
	tt.Helper()
	if got := t.String(); got != strings.Trim(want, "\n") {
		tt.Errorf("on the terminal stands\n%s\nwant\n%s", got, strings.Trim(want, "\n"))
	}
}

// enter types lines and ends them.
func (s *screen) enter(t *tty, texts ...string) []mark {
	var lines []typed
	for _, text := range texts {
		t.typing(text + "\n")
		lines = append(lines, typed{text: text})
	}
	s.typed(lines)
	var marks []mark
	for _, line := range lines {
		marks = append(marks, line.mark)
	}
	return marks
}

func TestWhatOthersSayStandsAboveWhatTheUserTypes(t *testing.T) {
	t.Parallel()
	term := newTTY(30, 4)
	s := &screen{out: term, size: term.size}
	s.say("bob: one")
	term.typing("hal")
	s.say("bob: two")
	term.typing("f a li")
	s.say("bob: three, which takes more than a row")
	term.typing("ne")
	term.want(t, `
   bob: two
   bob: three, which takes mor
e than a row
half a line`)
}

func TestMarksChangeWhereTheyStand(t *testing.T) {
	t.Parallel()
	term := newTTY(40, 5)
	s := &screen{out: term, size: term.size}
	hello := s.enter(term, "hello")[0]
	s.say("bob: hi")
	more := s.enter(term, "a line that takes more than one row")[0]
	term.typing("and")
	s.mark(hello, "✓✓", 1)
	s.mark(more, "✓", 3)
	term.typing("?")
	term.want(t, `
✓✓ 0:00 me: hello
   bob: hi
✓  0:00 me: a line that takes more t
han one row
and?`)
	s.say("bob: all right")
	s.mark(hello, "✓✓", 1) // it has gone
	term.typing("!")
	term.want(t, `
✓  0:00 me: a line that takes more t
han one row
   bob: all right
   ✓✓ 1
and?!`)
}

func TestLinesThatWerePastedTakeTheirPlace(t *testing.T) {
	t.Parallel()
	term := newTTY(40, 8)
	s := &screen{out: term, size: term.size}
	s.say("bob: hi")
	marks := s.enter(term, "one", "", "two")
	s.mark(marks[2], "✓", 2)
	s.fail(marks[0])
	s.enter(term, "")
	s.say("bob: well")
	term.want(t, `
   bob: hi
✗  0:00 me: one
✓  0:00 me: two
   bob: well`)
}

func TestWhereRowsAreNotSureMarksHaveALineOfTheirOwn(t *testing.T) {
	t.Parallel()
	term := newTTY(20, 9)
	s := &screen{out: term, size: term.size}
	first := s.enter(term, "x")[0]
	second := s.enter(term, "ééé ééé ééé ééé ééé ééé")[0]
	s.mark(first, "✓", 1)
	s.mark(second, "✓", 2)
	third := s.enter(term, "z")[0]
	s.mark(third, "✓", 3)
	term.want(t, `
…  0:00 me: x
ééé ééé ééé ééé ééé
ééé
   ✓ 1
   ✓ 2
✓  0:00 me: z`)
	term.width = 19 // a window that changed has moved its rows
	s.mark(third, "✓✓", 3)
	if !strings.HasSuffix(term.String(), "✓✓ 3") {
		t.Errorf("on the terminal stands\n%s", term)
	}
}

func TestWideCharactersAreCounted(t *testing.T) {
	t.Parallel()
	s := &screen{width: 10}
	for line, want := range map[string]int{
		"":            1,
		"0123456":     1,
		"01234567":    2,
		"你好，":         1,
		"你好，世":        2,
		"a你好，":        1,
		"ab你好，":       2, // the last does not fit into half of its room
		"你好，世界你好世":    2,
		"你好，世界你好世界。世": 3,
	} {
		if got, sure := s.rows(line, markWidth); got != want || !sure {
			t.Errorf("%q takes %d rows, %t, want %d", line, got, sure, want)
		}
	}
	if _, sure := s.rows("🎉🎉🎉🎉", 0); sure {
		t.Error("it is sure how wide emoji are")
	}
}

func TestAPipeOnlyGetsMoreLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out}
	s.say("bob: hi")
	s.mark(s.own("✓", "me: hello"), "✓✓", 3)
	s.fail(0)
	s.say("a\x1b[2Jb")
	if want := "bob: hi\nme: hello\n✓✓ 3\na\\x1b[2Jb\n"; out.String() != want {
		t.Errorf("printed is %q, want %q", out.String(), want)
	}
}
