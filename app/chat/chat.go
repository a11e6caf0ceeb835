// Package chat is a client for the terminal. It holds one conversation: what was
// said last, what is said now, and what the user types.
//
// It is a device of the API like any other and needs nothing of the server's own
// but the codec of packets and the look at bodies. Events come in the order of
// their positions, so one number, the position up to which everything was taken,
// keeps what comes twice from being shown twice: over the socket, by sync-record
// and in the history.
package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/auth"
	"parley/pkg/id"
	"parley/pkg/packet"
)

// Options say who talks to whom, and where.
type Options struct {
	Key   auth.Key
	To    id.UID // the other user, or empty
	Group id.GID // the group, where To is empty
	// URL is the base of the REST API.
	URL string
	// Socket is the address of the socket; empty is /sub below URL.
	Socket string
	In     io.Reader
	Out    io.Writer
	// Size returns the size of the terminal, which In and Out are then. Without
	// it what is printed is never changed.
	Size func() (width, height int)
}

const (
	// historyCount is how much is shown of what was said before.
	historyCount = 20
	// maxUnanswered is how many lines may wait for their receipt; the next one
	// is read when one has it.
	maxUnanswered = 64
	// lastWait is how long the end of the input waits for receipts.
	lastWait = 10 * time.Second
)

// chat is one run. Everything belongs to the goroutine of Run but the screen.
type chat struct {
	conversation
	rest   rest
	dialer dialer
	screen *screen
	began  time.Time

	conn     *conn // nil while there is none
	tries    backoff
	dialed   chan dialed
	answered chan answered

	out outgoing
	// seen is the position up to which events were taken.
	seen int64
	// shown are the messages that were shown, by their logId.
	shown map[int64]*shown
	// elsewhere are the other conversations that were hinted at.
	elsewhere map[string]bool
	// unsent counts the lines that were refused.
	unsent int
}

// shown is a message on the screen.
type shown struct {
	at       time.Time
	own      bool
	received bool // by the other's phone
	mark     mark
}

// dialed is what became of a try to connect.
type dialed struct {
	conn *conn
	err  error
}

// Run holds a conversation until the input ends and everything typed is
// acknowledged, or until ctx ends. It is an error if something was not sent.
func Run(ctx context.Context, o Options) error {
	socket, err := socketURL(cmp.Or(o.Socket, o.URL))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &chat{
		conversation: conversation{me: o.Key.UID(), other: o.To, group: o.Group, short: o.Size != nil},
		rest:         newREST(o.URL, o.Key),
		dialer:       dialer{url: socket, key: o.Key},
		screen:       &screen{out: o.Out, size: o.Size},
		began:        time.Now(),
		dialed:       make(chan dialed),
		answered:     make(chan answered),
		shown:        make(map[int64]*shown),
		elsewhere:    make(map[string]bool),
	}
	if c.conn, err = c.dialer.dial(ctx, false); err != nil {
		return c.explain(ctx, err)
	}
	defer func() { c.leave() }()
	// The history is read when the device is in: what is said from then on
	// comes over the socket.
	if err := c.showHistory(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("read the history: %w", err)
	}
	return c.hold(ctx, readLines(ctx, o.In, c.screen))
}

// hold takes what happens, one thing after the other.
func (c *chat) hold(ctx context.Context, lines <-chan typed) error {
	var deadline <-chan time.Time
	for {
		if deadline != nil && c.out.empty() {
			return c.verdict()
		}
		var packets <-chan packet.Packet
		var ended <-chan struct{}
		if c.conn != nil {
			packets, ended = c.conn.packets, c.conn.ended
		}
		next := lines
		if len(c.out.messages) >= maxUnanswered {
			next = nil
		}
		select {
		case <-ctx.Done():
			c.giveUp("interrupted")
			return c.verdict()
		case <-deadline:
			c.giveUp("no answer")
			return c.verdict()
		case line, ok := <-next:
			if !ok {
				lines, deadline = nil, time.After(lastWait)
				continue
			}
			c.post(line)
		case p := <-packets:
			c.receive(ctx, p)
		case <-ended:
			c.lost(ctx)
		case d := <-c.dialed:
			if err := c.reached(ctx, d); err != nil {
				return err
			}
		case a := <-c.answered:
			c.judge(a)
		}
	}
}

// verdict is what the run comes to.
func (c *chat) verdict() error {
	switch c.unsent {
	case 0:
		return nil
	case 1:
		return errors.New("a message was not sent")
	}
	return fmt.Errorf("%d messages were not sent", c.unsent)
}

// leave ends the connection, so that what was confirmed counts.
func (c *chat) leave() {
	if c.conn != nil {
		c.conn.leave()
	}
}

// lost takes what still came over a connection that ended, and looks for another
// one.
func (c *chat) lost(ctx context.Context) {
	for more := true; more; {
		select {
		case p := <-c.conn.packets:
			c.receive(ctx, p)
		default:
			more = false
		}
	}
	c.screen.say("connection lost, trying again")
	if c.conn.lived() > maxPause {
		c.tries = 0
	}
	c.conn = nil
	c.out.disconnected()
	c.redial(ctx)
}

// redial connects after a pause.
func (c *chat) redial(ctx context.Context) {
	pause := c.tries.next()
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		conn, err := c.dialer.dial(ctx, true)
		select {
		case <-ctx.Done():
			if conn != nil {
				conn.leave()
			}
		case c.dialed <- dialed{conn, err}:
		}
	}()
}

// reached goes on with a new connection, or tries again. An error is final.
func (c *chat) reached(ctx context.Context, d dialed) error {
	if d.err == nil {
		if d.err = c.catchUp(ctx); d.err != nil {
			d.conn.close()
		}
	}
	if refused := (*refusedError)(nil); errors.As(d.err, &refused) {
		c.giveUp("no connection")
		return c.explain(ctx, d.err)
	}
	if d.err != nil {
		c.redial(ctx)
		return nil
	}
	c.conn = d.conn
	c.out.flush(c.conn)
	return nil
}

// catchUp takes what happened while there was no connection. The socket brings
// that too, less what another terminal of the same device has confirmed. So a
// connection counts only when this is done: what comes over it moves the
// position from which the next one would ask.
func (c *chat) catchUp(ctx context.Context) error {
	for again := false; ; again = true {
		events, err := c.rest.sync(ctx, c.seen, syncCount)
		if err != nil {
			return err
		}
		if !again {
			c.screen.say("connected again")
		}
		for _, e := range events {
			c.take(e)
		}
		if len(events) < syncCount {
			return nil
		}
	}
}

// explain adds what the REST API says to a refusal of the socket, which has no
// words. Being interrupted is no error.
func (c *chat) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return c.verdict()
	}
	if refused := (*refusedError)(nil); !errors.As(err, &refused) {
		return err
	}
	if _, said := c.rest.sync(ctx, maxPosition, 1); said != nil {
		return fmt.Errorf("%w: %w", err, said)
	}
	return err
}

// receive takes a packet.
func (c *chat) receive(ctx context.Context, p packet.Packet) {
	switch p.Op {
	case packet.ReceiveMsg:
		if e, err := decodeEvent(p.Body); err == nil {
			c.take(e)
		}
		c.conn.write(packet.Packet{Op: packet.ReceiveMsgReply, Ack: p.Seq})
	case packet.SendMsgReply:
		m := c.out.bySeq(p.Ack)
		if m == nil {
			return // its echo was quicker
		}
		if logID := receipt(p.Body); logID > 0 {
			c.stored(m, logID)
			return
		}
		m.asking = true
		go c.ask(ctx, m)
	}
	c.out.flush(c.conn)
}

// receipt returns the logId of the reply to a message, 0 when it was refused.
func receipt(body []byte) int64 {
	var envelope wirev1.Proto
	var ack wirev1.CommonAck
	if proto.Unmarshal(body, &envelope) != nil || proto.Unmarshal(envelope.Body, &ack) != nil {
		return 0
	}
	return ack.LogId
}

// post sends a line.
func (c *chat) post(line typed) {
	m, err := c.compose(line)
	if err != nil {
		c.refuse(line, err.Error())
		return
	}
	c.out.messages = append(c.out.messages, m)
	if c.conn != nil {
		c.out.flush(c.conn)
	}
}

// stored notes that a message has its place in the log.
func (c *chat) stored(m *message, logID int64) {
	c.out.remove(m)
	c.shown[logID] = &shown{at: m.at, own: true, mark: m.mark}
	c.screen.mark(m.mark, "✓", logID)
	if c.conn != nil {
		c.out.flush(c.conn)
	}
}

// refuse says that a line was not sent.
func (c *chat) refuse(line typed, why string) {
	c.unsent++
	c.screen.fail(line.mark)
	c.screen.say(fmt.Sprintf("not sent: %q: %s", excerpt(line.text), why))
}

// giveUp says so of everything that has no receipt.
func (c *chat) giveUp(why string) {
	for _, m := range c.out.messages {
		c.refuse(m.typed, why)
	}
	c.out.messages = nil
}

// answered is what the REST API says about a message that the socket refused.
type answered struct {
	message *message
	logID   int64
	err     error
}

// askAgain is the pause before a message is sent again that could not be judged.
const askAgain = time.Second

// ask sends a message over REST that the socket refused: the answer has a reason.
func (c *chat) ask(ctx context.Context, m *message) {
	logID, err := c.rest.push(ctx, m.proto)
	if err != nil && !final(err) {
		select {
		case <-ctx.Done():
		case <-time.After(askAgain):
		}
	}
	select {
	case <-ctx.Done():
	case c.answered <- answered{m, logID, err}:
	}
}

// judge goes by that answer. What is neither stored nor refused for good is sent
// again.
func (c *chat) judge(a answered) {
	m := a.message
	switch {
	case !c.out.has(m):
	case a.err == nil:
		c.stored(m, a.logID)
	case final(a.err):
		c.out.remove(m)
		c.refuse(m.typed, a.err.Error())
	default:
		m.asking, m.seq = false, 0
		if c.conn != nil {
			c.out.flush(c.conn)
		}
	}
}
