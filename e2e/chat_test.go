package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley/app"
	"parley/app/chat"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// terminal is a run of parley chat or parley call whose input and output are pipes.
type terminal struct {
	t     testing.TB
	in    *io.PipeWriter
	out   logBuffer
	ended chan struct{}
	err   error // set before ended is closed
}

// chatWith opens a terminal of a user to another one.
func (c *client) chatWith(other *client) *terminal {
	c.t.Helper()
	return c.chat(chat.Options{To: other.uid()})
}

// chatIn opens a terminal of a user to a group.
func (c *client) chatIn(g id.GID) *terminal {
	c.t.Helper()
	return c.chat(chat.Options{Group: g})
}

func (c *client) chat(o chat.Options) *terminal {
	c.t.Helper()
	return c.terminal(func(ctx context.Context, in io.Reader, out io.Writer) error {
		o.Key, o.URL, o.Socket, o.In, o.Out = c.key, c.site.app, c.site.connect, in, out
		return chat.Run(ctx, o)
	})
}

// terminal opens a terminal in which something runs.
func (c *client) terminal(run func(ctx context.Context, in io.Reader, out io.Writer) error) *terminal {
	c.t.Helper()
	in, typed := io.Pipe()
	k := &terminal{t: c.t, in: typed, ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(c.t.Context())
	go func() {
		k.err = run(ctx, in, &k.out)
		close(k.ended)
	}()
	c.t.Cleanup(func() {
		typed.Close()
		cancel()
		<-k.ended
		if c.t.Failed() {
			c.t.Logf("the terminal of %s has:\n%s(%v)", c.uid(), k.out.tail(), k.err)
		}
	})
	return k
}

// types types a line.
func (k *terminal) types(line string) {
	k.t.Helper()
	if _, err := io.WriteString(k.in, line+"\n"); err != nil {
		k.t.Fatal(err)
	}
}

// clock is the time before a line.
var clock = regexp.MustCompile(`(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d`)

// lines are what is printed so far, without the time.
func (k *terminal) lines() []string {
	text := strings.TrimSuffix(k.out.tail(), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(clock.ReplaceAllString(text, "0:00"), "\n")
}

// count is how often a line is printed so far.
func (k *terminal) count(line string) int {
	n := 0
	for _, l := range k.lines() {
		if l == line {
			n++
		}
	}
	return n
}

// shows waits until a line is printed.
func (k *terminal) shows(format string, args ...any) {
	k.t.Helper()
	line := fmt.Sprintf(format, args...)
	until(k.t, func() bool { return k.count(line) > 0 || k.over() })
	if k.count(line) == 0 {
		k.t.Fatalf("the terminal ended without %q: %v", line, k.err)
	}
}

func (k *terminal) over() bool {
	select {
	case <-k.ended:
		return true
	default:
		return false
	}
}

// end ends the input and returns what the run came to.
func (k *terminal) end() error {
	k.in.Close()
	<-k.ended
	return k.err
}

func TestTwoTalkInTheirTerminals(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob, eve := w.user(), w.user(), w.user()
		before := alice.send(text(string(bob.uid()), "before"))
		a, b := alice.chatWith(bob), bob.chatWith(alice)
		a.shows("0:00 me: before")
		b.shows("0:00 %s: before", alice.uid())

		a.types("hello")
		b.shows("0:00 %s: hello", alice.uid())
		b.types("hi \x1b[2J\x07")
		a.shows(`0:00 %s: hi \x1b[2J\a`, bob.uid())
		hello := before.LogID + 1
		a.shows("✓ %d", hello)

		// What bob's phone confirms is received, and a terminal is no phone.
		if a.count(fmt.Sprintf("✓✓ %d", hello)) != 0 {
			t.Error("a terminal counts as a phone")
		}
		phone := bob.connect(onPhone("b"))
		for phone.receive().String() != "hello" {
		}
		a.shows("✓✓ %d", hello)

		bob.focus(hello).want(t, fault.OK)
		alice.revoke(hello).want(t, fault.OK)
		a.shows("message %d of 0:00 was marked as important by %s", hello, bob.uid())
		b.shows("message %d of 0:00 was taken back by %s", hello, alice.uid())
		eve.send(text(string(alice.uid()), "psst"))
		a.shows("elsewhere: a message from %s", eve.uid())
		if err := a.end(); err != nil {
			t.Errorf("alice's terminal ends with %v", err)
		}
	})
}

func TestAGroupTalksInTerminals(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ann, ben, cai := w.user(), w.user(), w.user()
		g := w.group(ann, ben)
		ann.send(groupText(g, "welcome"))
		a, b := ann.chatIn(g), ben.chatIn(g)
		b.shows("0:00 %s brought in me", ann.uid())
		b.shows("0:00 %s: welcome", ann.uid())
		b.types("thanks")
		a.shows("0:00 %s: thanks", ben.uid())

		ann.invite(g, cai).want(t, fault.OK)
		b.shows("0:00 %s brought in %s", ann.uid(), cai.uid())
		ann.mute(g, 60_000, ben).want(t, fault.OK)
		b.shows("0:00 %s muted me", ann.uid())
		b.types("but why")
		b.shows(`not sent: "but why": You are muted (-10032)`)
		ann.mute(g, 0, ben).want(t, fault.OK)
		b.shows("no longer muted: me")
		b.types("sorry")
		a.shows("0:00 %s: sorry", ben.uid())
		if err := b.end(); err == nil || err.Error() != "a message was not sent" {
			t.Errorf("ben's terminal ends with %v", err)
		}
	})
}

func TestATerminalBeginsWithTheEndOfWhatWasSaid(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		alice, bob, cai, dan := w.user(), w.user(), w.user(), w.user()
		g := w.group(cai, dan)
		for n := range 25 {
			alice.send(text(string(bob.uid()), fmt.Sprint(n)))
			dan.send(groupText(g, fmt.Sprint(n)))
		}
		// The backlog of the new device has everything; it comes before what
		// is said from now on.
		for k, from := range map[*terminal]*client{bob.chatWith(alice): alice, cai.chatIn(g): dan} {
			k.types("live")
			until(t, func() bool { return len(k.lines()) > 20 })
			var want []string
			for n := range 20 {
				want = append(want, fmt.Sprintf("0:00 %s: %d", from.uid(), 5+n))
			}
			if got := k.lines(); !slices.Equal(got[:20], want) || len(got) != 21 || !strings.HasPrefix(got[20], "✓ ") {
				t.Errorf("it shows\n%s\nwant\n%s\nand a receipt", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
}

// Bob has two terminals: what one of them confirms is not lost for the other.
func TestTerminalsOutliveTheGateway(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	alice, bob := newUser(t, p.site), newUser(t, p.site)
	a, first, second := alice.chatWith(bob), bob.chatWith(alice), bob.chatWith(alice)
	said := 0
	talk := func(times int) {
		for range times {
			said++
			a.types(fmt.Sprint("line ", said))
		}
	}
	everybodyHas := func() {
		for _, b := range []*terminal{first, second} {
			b.shows("0:00 %s: line %d", alice.uid(), said)
		}
	}
	talk(5)
	everybodyHas()
	for n, stop := range []func(){p.kill, func() { p.signal(syscall.SIGTERM); p.exit() }, p.kill} {
		talk(3) // some of which are on their way
		stop()
		talk(3)
		for _, k := range []*terminal{a, first, second} {
			until(t, func() bool { return k.count("connection lost, trying again") == n+1 })
		}
		p.start()
		for _, k := range []*terminal{a, first, second} {
			until(t, func() bool { return k.count("connected again") == n+1 })
		}
		talk(3)
		everybodyHas()
	}
	if err := a.end(); err != nil {
		t.Errorf("alice's terminal ends with %v", err)
	}
	for _, b := range []*terminal{first, second} {
		var got, want []string
		for _, line := range b.lines() {
			if _, words, ok := strings.Cut(line, ": "); ok {
				got = append(got, words)
			}
		}
		for n := range said {
			want = append(want, fmt.Sprint("line ", n+1))
		}
		if !slices.Equal(got, want) {
			t.Errorf("bob reads %v, want %d lines", got, said)
		}
	}
	receipts := make(map[string]bool)
	for _, line := range a.lines() {
		if strings.HasPrefix(line, "✓ ") {
			if receipts[line] {
				t.Errorf("alice is told twice: %s", line)
			}
			receipts[line] = true
		}
	}
	if len(receipts) != said {
		t.Errorf("alice has %d receipts for %d lines", len(receipts), said)
	}
}

func TestADeviceThatIsNotLetInIsTold(t *testing.T) {
	config := app.Default()
	config.Connect.MaxSockets = 1
	atOneGateway(t, config, func(t *testing.T, w *world) {
		alice, bob := w.user(), w.user()
		alice.connect(onDesktop("another device"))
		k := alice.chatWith(bob)
		<-k.ended
		if k.err == nil || !strings.Contains(k.err.Error(), "does not let this device in") {
			t.Errorf("the terminal ends with %v", k.err)
		}
	})
}

// command is a command of parley as the user, at the site.
func (c *client) command(name string, args ...string) *exec.Cmd {
	c.t.Helper()
	file, err := binary()
	if err != nil {
		c.t.Fatal(err)
	}
	key := filepath.Join(c.t.TempDir(), "key")
	if err := os.WriteFile(key, fmt.Appendf(nil, "private key: %s\n", c.key.Hex()), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return exec.CommandContext(c.t.Context(), file, append([]string{name, "--as", key, "--url", c.site.app}, args...)...)
}

// run runs a command with an input and returns its exit code and output.
func (c *client) run(input, name string, args ...string) (code int, out, errOut string) {
	c.t.Helper()
	cmd := c.command(name, args...)
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), clock.ReplaceAllString(o.String(), "0:00"), e.String()
}

func TestChatInAPipe(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	alice, bob := newUser(t, p.site), newUser(t, p.site)
	g := bob.create("without alice").ID
	last := bob.syncAll(0, 100)
	next := last[len(last)-1].logID + 1
	for _, row := range []struct {
		input  string
		args   []string
		code   int
		out    string
		errOut string
	}{
		{"hello\n", []string{"--to", string(bob.uid())}, 0, fmt.Sprintf("✓ %d\n", next), ""},
		{"", []string{"--to", string(bob.uid())}, 0, "0:00 me: hello\n", ""},
		{"one\r\n\n  \ntwo", []string{"--to", string(alice.uid())}, 0, fmt.Sprintf("✓ %d\n✓ %d\n", next+1, next+2), ""},
		{"me too\n", []string{"--group", g.String()}, 1,
			"not sent: \"me too\": You are not in this group (-10015)\n", "parley: a message was not sent\n"},
	} {
		if code, out, errOut := alice.run(row.input, "chat", row.args...); code != row.code || out != row.out || errOut != row.errOut {
			t.Errorf("%q to chat %v: exit %d, %q, %q, want %d, %q, %q", row.input, row.args, code, out, errOut, row.code, row.out, row.errOut)
		}
	}
	p.kill()
	if code, out, errOut := alice.run("hello\n", "chat", "--to", string(bob.uid())); code != 1 || out != "" || !strings.Contains(errOut, "connection refused") {
		t.Errorf("without a server: exit %d, %q, %q", code, out, errOut)
	}
}

func TestAnInterruptEndsAChat(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil, "-data", t.TempDir())
	p.start()
	alice := newUser(t, p.site)
	alice.send(text(string(alice.uid()), "note"))
	cmd := alice.command("chat", "--to", string(alice.uid()))
	var out, errOut logBuffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	_, err := cmd.StdinPipe() // which does not end
	must(t, err)
	must(t, cmd.Start())
	until(t, func() bool { return out.has("me: note\n") })
	must(t, cmd.Process.Signal(os.Interrupt))
	cmd.Wait() // how it ended is in its state
	if cmd.ProcessState.ExitCode() != 0 || errOut.tail() != "" || strings.Count(out.tail(), "\n") != 1 {
		t.Errorf("it ends with %d and has said %q, %q", cmd.ProcessState.ExitCode(), out.tail(), errOut.tail())
	}
}
