package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/app"
	"parley/app/ring"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// whereCallsRing is everywhere, with calls that ring for a while.
func whereCallsRing(t *testing.T, during time.Duration, scenario func(*testing.T, *world)) {
	config := app.Default()
	config.Call.Ring = during
	everywhereWith(t, config, scenario)
}

// shortly is long enough for a call to be noticed on a slow machine.
const shortly = 5 * time.Second

// ring opens a terminal that calls somebody, or waits for calls.
func (c *client) ring(o ring.Options) *terminal {
	c.t.Helper()
	return c.terminal(func(ctx context.Context, in io.Reader, out io.Writer) error {
		o.Key, o.URL, o.In, o.Out = c.key, c.site.app, in, out
		if o.Socket == "" {
			o.Socket = c.site.connect
		}
		return ring.Run(ctx, o)
	})
}

// rings opens a terminal that calls somebody.
func (c *client) rings(other *client) *terminal {
	c.t.Helper()
	return c.ring(ring.Options{To: []id.UID{other.uid()}})
}

// waits opens a terminal that waits for calls.
func (c *client) waits(o ring.Options) *terminal {
	c.t.Helper()
	k := c.ring(o)
	k.reads("waiting for calls")
	return k
}

var room = regexp.MustCompile(`room [1-9]\d*$`)

// reads waits until as many lines are printed, and compares them all.
func (k *terminal) reads(want ...string) {
	k.t.Helper()
	until(k.t, func() bool { return len(k.lines()) >= len(want) || k.over() })
	got := k.lines()
	for i, line := range got {
		got[i] = room.ReplaceAllString(line, "room N")
	}
	if !slices.Equal(got, want) {
		k.t.Fatalf("the terminal shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// comesTo waits for the end of a run, which is an error with those words, or
// none.
func (k *terminal) comesTo(want string) {
	k.t.Helper()
	<-k.ended
	if got := fmt.Sprint(k.err); got != want {
		k.t.Errorf("the run comes to %s, want %s", got, want)
	}
}

const (
	notAnswered = "the call was not answered"
	noError     = "<nil>"
)

func TestACallInTwoTerminals(t *testing.T) {
	whereCallsRing(t, time.Minute, func(t *testing.T, w *world) {
		for name, row := range map[string]struct {
			video bool
			does  func(alice, bob *terminal)
			alice string
			bob   []string
		}{
			"the caller hangs up": {
				does:  func(alice, bob *terminal) { bob.types("accept"); alice.meets(bob); alice.types("hangup") },
				alice: "hung up", bob: []string{"accepted: room N", "hung up by the other side"},
			},
			"the other hangs up": {
				does:  func(alice, bob *terminal) { bob.types("Accept"); bob.meets(alice); bob.types("hangup") },
				alice: "hung up by the other side", bob: []string{"accepted: room N", "hung up"},
			},
			"the caller's input ends": {
				does:  func(alice, bob *terminal) { bob.types("accept"); alice.meets(bob); alice.in.Close() },
				alice: "hung up", bob: []string{"accepted: room N", "hung up by the other side"},
			},
			"the other's input ends": {
				does:  func(alice, bob *terminal) { bob.types("accept"); bob.meets(alice); bob.in.Close() },
				alice: "hung up by the other side", bob: []string{"accepted: room N", "hung up"},
			},
			"a video call that is rejected": {
				video: true,
				does:  func(_, bob *terminal) { bob.types("maybe"); bob.types("reject") },
				alice: "rejected", bob: []string{`"maybe" is not understood: type accept, reject, busy or hangup`, "rejected"},
			},
			"busy":           {does: func(_, bob *terminal) { bob.types("busy") }, alice: "busy", bob: []string{"busy"}},
			"cancelled":      {does: func(alice, _ *terminal) { alice.types(""); alice.types(" HangUp") }, alice: "cancelled", bob: []string{"cancelled"}},
			"the input ends": {does: func(alice, _ *terminal) { alice.in.Close() }, alice: "cancelled", bob: []string{"cancelled"}},
		} {
			t.Run(name, func(t *testing.T) {
				w := w.in(t)
				alice, bob := w.user(), w.user()
				b := bob.waits(ring.Options{Once: true})
				a := alice.ring(ring.Options{To: []id.UID{bob.uid()}, Video: row.video})
				kind, end := "audio", []string{row.alice}
				if row.video {
					kind = "video"
				}
				bobs := []string{"waiting for calls", fmt.Sprintf("%s call from %s: accept, reject, busy or hangup?", kind, alice.uid())}
				b.reads(bobs...)
				row.does(a, b)
				want := notAnswered
				if slices.Contains(row.bob, "accepted: room N") {
					end, want = []string{"accepted: room N", row.alice}, noError
				}
				a.comesTo(want)
				b.comesTo(noError)
				a.reads(append([]string{"ringing " + string(bob.uid())}, end...)...)
				b.reads(append(bobs, row.bob...)...)
			})
		}
	})
}

// meets waits until two terminals were accepted into the same room.
func (k *terminal) meets(other *terminal) {
	k.t.Helper()
	last := func(k *terminal) string {
		for _, line := range slices.Backward(k.lines()) {
			if room.MatchString(line) {
				return line
			}
		}
		return ""
	}
	until(k.t, func() bool { mine := last(k); return mine != "" && mine == last(other) })
}

func TestATerminalAnswersByItself(t *testing.T) {
	whereCallsRing(t, time.Minute, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		for answer, want := range map[string]string{"reject": "rejected", "busy": "busy"} {
			b := bob.waits(ring.Options{Answer: answer, Once: true})
			a := alice.rings(bob)
			a.comesTo(notAnswered)
			a.reads("ringing "+string(bob.uid()), want)
			b.comesTo(noError)
			b.reads("waiting for calls", "audio call from "+string(alice.uid()), want)
		}
		// It goes on waiting, and its input is not read.
		b := bob.waits(ring.Options{Answer: "accept"})
		b.in.Close()
		want := []string{"waiting for calls"}
		for range 2 {
			a := alice.rings(bob)
			a.meets(b)
			want = append(want, "audio call from "+string(alice.uid()), "accepted: room N")
			b.reads(want...)
			a.types("hangup")
			a.comesTo(noError)
			want = append(want, "hung up by the other side")
			b.reads(want...)
		}
	})
}

func TestACallThatNobodyAnswersTimesOut(t *testing.T) {
	whereCallsRing(t, shortly, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		b := bob.waits(ring.Options{Once: true})
		a := alice.rings(bob)
		a.comesTo(notAnswered)
		b.comesTo(noError)
		a.reads("ringing "+string(bob.uid()), "timed out")
		b.reads("waiting for calls", fmt.Sprintf("audio call from %s: accept, reject, busy or hangup?", alice.uid()), "timed out")
	})
}

// Nobody tells a device that another one of the same user has answered.
func TestACallThatIsAnsweredElsewhereStopsRinging(t *testing.T) {
	whereCallsRing(t, shortly, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		b := bob.waits(ring.Options{Once: true})
		trace := alice.call(0, bob)
		rings := fmt.Sprintf("video call from %s: accept, reject, busy or hangup?", alice.uid())
		b.reads("waiting for calls", rings)
		bob.handle(trace, true).want(t, fault.OK)
		b.comesTo(noError)
		b.reads("waiting for calls", rings, "no longer ringing")
	})
}

func TestWhatATerminalAcceptedNoPhoneHangsUp(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob := w.handset("alice's"), w.user()
		b := bob.waits(ring.Options{Once: true, Answer: "accept"})
		trace := alice.call(0, bob)
		alice.hears(trace, "ACCEPT_CALL "+string(alice.uid()))
		bob.on("bob's phone").handle(trace, false).want(t, fault.OK)
		bob.on("bob's phone").handle(trace, true).want(t, fault.CallBusy) // as the terminal talks
		alice.handle(trace, false).want(t, fault.OK)
		b.comesTo(noError)
		b.reads("waiting for calls", "video call from "+string(alice.uid()), "accepted: room N", "hung up by the other side")
	})
}

func TestACallToWhoIsBusy(t *testing.T) {
	whereCallsRing(t, time.Minute, func(t *testing.T, w *world) {
		alice, bob, cai := w.user(), w.user(), w.user()
		g := w.group(alice, bob, cai)
		alice.rings(bob).reads("ringing " + string(bob.uid()))
		again := cai.rings(bob)
		again.comesTo(notAnswered)
		again.reads("busy")
		stranger := w.user().ring(ring.Options{To: []id.UID{bob.uid()}, Group: g})
		stranger.comesTo("You are not in this group (-10015)")

		// In a group the others are called.
		dan, eve := w.user(), w.user()
		alice.invite(g, dan, eve).want(t, fault.OK)
		d := dan.waits(ring.Options{})
		e := eve.ring(ring.Options{To: []id.UID{bob.uid(), dan.uid()}, Group: g, Video: true})
		d.reads("waiting for calls", fmt.Sprintf("video call from %s in group %s: accept, reject, busy or hangup?", eve.uid(), g))
		e.types("hangup")
		e.comesTo(notAnswered)
		e.reads(fmt.Sprintf("ringing %s in group %s", dan.uid(), g), "busy: "+string(bob.uid()), "cancelled")
	})
}

// A call rings in a terminal that is opened later, although another one has
// confirmed its signal; one that is over does not.
func TestATerminalThatComesLater(t *testing.T) {
	whereCallsRing(t, time.Minute, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		first := bob.waits(ring.Options{})
		rings := fmt.Sprintf("audio call from %s: accept, reject, busy or hangup?", alice.uid())
		for n, answer := range []string{"reject", "accept"} {
			a := alice.rings(bob)
			until(t, func() bool { return first.count(rings) > n })
			first.types(answer)
			if answer == "accept" {
				a.meets(first)
				first.types("hangup")
			}
			<-a.ended
		}
		a := alice.rings(bob)
		until(t, func() bool { return first.count(rings) > 2 })
		must(t, first.end())
		all := bob.sync(0, 100)
		until(t, func() bool {
			var cursor int64
			must(t, w.db.ReaderSQL().QueryRowContext(t.Context(), "SELECT cursor_pos FROM device WHERE user_id = ?", bob.uid()).Scan(&cursor))
			return cursor >= all[len(all)-1].logID
		})
		later := bob.ring(ring.Options{Once: true})
		later.reads("waiting for calls", rings)
		a.types("hangup")
		later.comesTo(noError)
		later.reads("waiting for calls", rings, "cancelled")
	})
}

func TestWhatHappensToACallWithoutAConnectionIsTold(t *testing.T) {
	whereCallsRing(t, time.Minute, func(t *testing.T, w *world) {
		alice, bob, cai := w.user(), w.user(), w.user()
		line := through(t, w.site)
		b := bob.waits(ring.Options{Answer: "accept", Socket: "http://" + line.addr})
		a := alice.rings(bob)
		a.meets(b)

		line.cut()
		want := []string{"waiting for calls", "audio call from " + string(alice.uid()), "accepted: room N", "connection lost, trying again"}
		b.reads(want...)
		a.types("hangup")
		a.comesTo(noError)
		// One call has come and gone, and another one rings.
		gone := alice.rings(bob)
		gone.reads("ringing " + string(bob.uid()))
		gone.types("hangup")
		gone.comesTo(notAnswered)
		c := cai.rings(bob)
		c.reads("ringing " + string(bob.uid()))

		line.plug()
		c.meets(b)
		b.reads(append(want, "connected again", "hung up by the other side", "audio call from "+string(cai.uid()), "accepted: room N")...)
	})
}

// runs starts a command whose input does not end.
func (c *client) runs(name string, args ...string) (cmd *exec.Cmd, k *logBuffer) {
	c.t.Helper()
	cmd, k = c.command(name, args...), new(logBuffer)
	cmd.Stdout, cmd.Stderr = k, k
	_, err := cmd.StdinPipe()
	must(c.t, err)
	must(c.t, cmd.Start())
	return cmd, k
}

func TestAnInterruptEndsACall(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	for _, answer := range []string{"", "accept"} {
		alice, bob := newUser(t, p.site), newUser(t, p.site)
		args := []string{"--once"}
		if answer != "" {
			args = append(args, "--answer", answer)
		}
		b, bobs := bob.runs("call", args...)
		until(t, func() bool { return bobs.has("waiting for calls\n") })
		a, alices := alice.runs("call", "--to", string(bob.uid()))
		code, says, bobSays, happens := 1, "cancelled\nparley: "+notAnswered+"\n", "cancelled\n", func() bool { return bobs.has("hangup?\n") }
		if answer != "" {
			code, says, bobSays, happens = 0, "hung up\n", "hung up by the other side\n", func() bool { return alices.has("accepted: room ") }
		}
		until(t, happens)
		must(t, a.Process.Signal(os.Interrupt))
		a.Wait() // how they ended is in their states
		b.Wait()
		if got := a.ProcessState.ExitCode(); got != code || !strings.HasSuffix(alices.tail(), says) {
			t.Errorf("alice's call ends with %d and has said %q, want %d and %q", got, alices.tail(), code, says)
		}
		if got := b.ProcessState.ExitCode(); got != 0 || !strings.HasSuffix(bobs.tail(), bobSays) {
			t.Errorf("bob's call ends with %d and has said %q, want %q", got, bobs.tail(), bobSays)
		}
	}
	// Who waits is interrupted while it rings: it rings on elsewhere.
	alice, bob := newUser(t, p.site), newUser(t, p.site)
	b, bobs := bob.runs("call")
	until(t, func() bool { return bobs.has("waiting for calls\n") })
	alice.rings(bob)
	until(t, func() bool { return bobs.has("hangup?\n") })
	must(t, b.Process.Signal(syscall.SIGTERM))
	b.Wait()
	if got := b.ProcessState.ExitCode(); got != 0 || !strings.HasSuffix(bobs.tail(), "hangup?\n") {
		t.Errorf("bob's call ends with %d and has said %q", got, bobs.tail())
	}
	bob.ring(ring.Options{}).shows("audio call from %s: accept, reject, busy or hangup?", alice.uid())
}
