package put

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestTheBarFitsTheTerminal(t *testing.T) {
	t.Parallel()
	half := view{done: 20 << 20, total: 40 << 20, rate: 4 << 20}
	for _, row := range []struct {
		view  view
		width int
		want  string
	}{
		{half, 200, "[####################....................]  50%  20.0 MiB of 40.0 MiB  4.0 MiB/s  0:05 left"},
		{half, 62, "[#####.....]  50%  20.0 MiB of 40.0 MiB  4.0 MiB/s  0:05 left"},
		{half, 61, " 50%  20.0 MiB of 40.0 MiB  4.0 MiB/s  0:05 left"},
		{half, 20, " 50%  20.0 MiB of 4"},
		{half, 1, ""},
		{half, 0, ""},
		{view{done: 0, total: 1 << 40}, 40, "  0%  0 B of 1024.0 GiB  waiting"},
		{view{done: 1 << 30, total: 1 << 40, rate: 1 << 20}, 60, "  0%  1.0 GiB of 1024.0 GiB  1.0 MiB/s  99:00:00 left"},
		{view{done: 5, total: 5, rate: 2}, 41, "[##########] 100%  5 B of 5 B  finishing"},
		{view{}, 41, "[..........] 100%  0 B of 0 B  finishing"},
	} {
		got := row.view.line(row.width)
		if got != row.want || len(got) >= max(row.width, 1) {
			t.Errorf("at %d columns it is\n%s, want\n%s", row.width, got, row.want)
		}
	}
}

func TestTheBarIsDrawnInPlace(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(&out, func() int { return 30 }, 1000)
	p.tick(time.Now()) // nothing is sent yet
	p.begin(200)
	p.add(300)
	at := p.began.Add(time.Second)
	p.tick(at)
	p.say("by \x1b[2J others")
	p.add(-100)
	p.tick(at.Add(time.Second))
	p.end(true)
	want := "\r" + view{500, 1000, 300}.line(30) + "\x1b[K" +
		"\r\x1b[Kby \\x1b[2J others\n" +
		"\r" + view{400, 1000, 100}.line(30) + "\x1b[K" +
		"\r\x1b[K800 B in 0.0 s\n"
	if out.String() != want {
		t.Errorf("it draws\n%q, want\n%q", out.String(), want)
	}
}

func TestWithoutATerminalThereAreLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(&out, nil, 1000)
	p.add(500)
	p.tick(p.began.Add(10 * time.Second))
	p.add(250)
	p.tick(p.began.Add(20 * time.Second))
	p.end(false)
	if want := " 50%  500 B of 1000 B  50 B/s  0:10 left\n 75%  750 B of 1000 B  25 B/s  0:10 left\n"; out.String() != want {
		t.Errorf("it prints\n%s, want\n%s", out.String(), want)
	}
}

func TestTroubleIsToldOnce(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(&out, nil, 1)
	for range 4 { // lines that fail together
		p.trouble(fmt.Errorf("read: %w", io.EOF))
		p.trouble(errors.New("busy\x07"))
	}
	p.end(false)
	if want := "trying again: the server ended the connection\ntrying again: busy\\a\n"; out.String() != want {
		t.Errorf("it prints %q, want %q", out.String(), want)
	}
}

func TestWhatIsSaidInTheEnd(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]string{
		400 * time.Millisecond: "40 MiB in 0.4 s",
		8 * time.Second:        "40 MiB in 0:08, 5 MiB/s",
		time.Hour:              "40 MiB in 1:00:00, 11.4 KiB/s",
	} {
		if got := summary(40<<20, took); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}
