package put

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/app/client"
)

const (
	// drawEvery is how often the bar is drawn, and tellEvery how often a line is
	// printed where there is no terminal.
	drawEvery = 200 * time.Millisecond
	tellEvery = 10 * time.Second
	// rateOver is the time over which the rate is measured.
	rateOver = 10 * time.Second
)

// progress shows how far an upload is, in one line that is drawn again and again,
// or, where there is no terminal, in a line now and then.
type progress struct {
	out   io.Writer
	width func() int // nil: no terminal
	stop  chan struct{}
	ended chan struct{}

	mu      sync.Mutex
	begun   bool
	done    int64 // bytes
	total   int64
	first   int64     // what was there before this run
	began   time.Time // when this run began to send
	samples []sample
	drawn   bool                 // the cursor is behind the bar
	told    map[string]time.Time // when which trouble was told
}

// sample is how far the upload was at a moment.
type sample struct {
	at   time.Time
	done int64
}

func newProgress(out io.Writer, width func() int, total int64) *progress {
	p := &progress{
		out: out, width: width, total: total, stop: make(chan struct{}), ended: make(chan struct{}), told: make(map[string]time.Time),
	}
	p.begin(0)
	go p.run()
	return p
}

func (p *progress) run() {
	defer close(p.ended)
	every := tellEvery
	if p.width != nil {
		every = drawEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-tick.C:
			p.tick(now)
		}
	}
}

// begin says how much is there already. An upload that begins anew begins with 0.
func (p *progress) begin(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.first, p.began = done, done, time.Now()
	p.samples = append(p.samples[:0], sample{p.began, done})
}

// add counts bytes that went out, or, below 0, that did not arrive after all.
func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.begun = true
}

func (p *progress) tick(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun {
		return
	}
	p.samples = append(p.samples, sample{now, p.done})
	for len(p.samples) > 2 && now.Sub(p.samples[0].at) > rateOver {
		p.samples = p.samples[1:]
	}
	p.draw(now)
}

// draw shows where the upload is. The lock is held.
func (p *progress) draw(now time.Time) {
	v := view{done: p.done, total: p.total}
	if from := p.samples[0]; now.After(from.at) {
		v.rate = max(0, float64(p.done-from.done)/now.Sub(from.at).Seconds())
	}
	if p.width == nil {
		fmt.Fprintln(p.out, v.words())
		return
	}
	fmt.Fprint(p.out, "\r"+v.line(p.width())+"\x1b[K")
	p.drawn = true
}

// say prints a line, in which what others wrote cannot move the cursor.
func (p *progress) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print(line)
}

// print prints a line in place of the bar, which comes again behind it.
func (p *progress) print(line string) {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
	fmt.Fprintln(p.out, client.Clean(line))
}

// trouble says why something is tried again, of lines that fail together once.
func (p *progress) trouble(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := reason(err)
	if at, ok := p.told[text]; ok && time.Since(at) < tellEvery {
		return
	}
	p.told[text] = time.Now()
	p.print("trying again: " + text)
}

// reason is an error without the addresses that differ from one connection to the
// next.
func reason(err error) string {
	if request := (*url.Error)(nil); errors.As(err, &request) {
		err = request.Err
	}
	if network := (*net.OpError)(nil); errors.As(err, &network) && network.Op != "dial" {
		err = network.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the server ended the connection"
	}
	return err.Error()
}

// end stops the showing. Of an upload that is there it says how long that took.
func (p *progress) end(complete bool) {
	close(p.stop)
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	if !complete {
		if p.drawn {
			fmt.Fprintln(p.out)
		}
		return
	}
	p.print(summary(p.total-p.first, time.Since(p.began)))
}

// summary is what is said of an upload in the end. The rate of an instant says nothing.
func summary(sent int64, took time.Duration) string {
	if took < time.Second {
		return fmt.Sprintf("%s in %.1f s", Size(sent), took.Seconds())
	}
	return fmt.Sprintf("%s in %s, %s/s", Size(sent), clock(took), Size(int64(float64(sent)/took.Seconds())))
}

// view is what is shown of an upload at a moment.
type view struct {
	done, total int64   // bytes
	rate        float64 // bytes in a second
}

func (v view) percent() int64 {
	if v.total == 0 {
		return 100
	}
	return int64(float64(v.done) / float64(v.total) * 100)
}

// words are the view without a bar.
func (v view) words() string {
	words := fmt.Sprintf("%3d%%  %s of %s  ", v.percent(), tenths(v.done), tenths(v.total))
	switch {
	case v.done >= v.total:
		return words + "finishing"
	case v.rate < 1:
		return words + "waiting"
	}
	left := time.Duration(float64(v.total-v.done) / v.rate * float64(time.Second))
	return words + fmt.Sprintf("%s/s  %s left", tenths(int64(v.rate)), clock(left))
}

const (
	minBar = 10 // below that it says nothing
	maxBar = 40
)

// line is the view in one line that is narrower than the terminal: a full one would
// break.
func (v view) line(width int) string {
	words := v.words()
	if bar := min(width-len(words)-4, maxBar); bar >= minBar {
		full := 0
		if v.total > 0 {
			full = int(float64(v.done) / float64(v.total) * float64(bar))
		}
		full = min(max(full, 0), bar)
		words = "[" + strings.Repeat("#", full) + strings.Repeat(".", bar-full) + "] " + words
	}
	return words[:max(0, min(len(words), width-1))]
}

// Size is a number of bytes for people, such as 8 MiB.
func Size(n int64) string { return strings.Replace(tenths(n), ".0 ", " ", 1) }

// tenths is a number of bytes that is shown again and again, and so does not get
// shorter when it happens to be round.
func tenths(n int64) string {
	for i, unit := range []string{"GiB", "MiB", "KiB"} {
		if one := int64(1) << (30 - 10*i); n >= one {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(one), unit)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// clock is a duration as 1:02:03, at most 99 hours.
func clock(d time.Duration) string {
	s := int64(min(d, 99*time.Hour).Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
