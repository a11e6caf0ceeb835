// Package chat is a client for the terminal. It holds one conversation: what was
// said last, what is said now, and what the user types.
//
// It needs nothing of the server's own but the look at bodies.
package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/app/client"
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
	link     *client.Link
	screen   *screen
	began    time.Time
	answered chan answered

	out outgoing
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

// Run holds a conversation until the input ends and everything typed is
// acknowledged, or until ctx ends. It is an error if something was not sent.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &chat{
		conversation: conversation{me: o.Key.UID(), other: o.To, group: o.Group, short: o.Size != nil},
		screen:       &screen{out: o.Out, size: o.Size},
		began:        time.Now(),
		answered:     make(chan answered),
		shown:        make(map[int64]*shown),
		elsewhere:    make(map[string]bool),
	}
	var err error
	c.link, err = client.Connect(ctx, client.Options{
		Key: o.Key, Program: "parley chat", URL: o.URL, Socket: o.Socket, Say: c.screen.say,
		Take: func(e client.Event) { c.take(eventOf(e)) },
	})
	if err != nil {
		return c.unlessInterrupted(ctx, err)
	}
	defer c.link.Leave()
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
		case p := <-c.link.Packets():
			c.receive(ctx, p)
		case <-c.link.Ended():
			c.lost(ctx)
		case d := <-c.link.Dialed():
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

// unlessInterrupted is an error of the connection. Being interrupted is none.
func (c *chat) unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return c.verdict()
	}
	return err
}

// lost looks for another connection.
func (c *chat) lost(ctx context.Context) {
	c.link.Lost(ctx, func(p packet.Packet) { c.receive(ctx, p) })
	c.out.disconnected()
}

// reached goes on with another connection. An error is final.
func (c *chat) reached(ctx context.Context, d client.Dialed) error {
	if err := c.link.Reached(ctx, d); err != nil {
		c.giveUp("no connection")
		return c.unlessInterrupted(ctx, err)
	}
	c.flush()
	return nil
}

// flush sends what was not sent over this connection, if there is one.
func (c *chat) flush() {
	if c.link.Connected() {
		c.out.flush(c.link)
	}
}

// receive takes a packet.
func (c *chat) receive(ctx context.Context, p packet.Packet) {
	switch p.Op {
	case packet.ReceiveMsg:
		c.link.Receive(p)
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
	c.flush()
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
	c.flush()
}

// stored notes that a message has its place in the log.
func (c *chat) stored(m *message, logID int64) {
	c.out.remove(m)
	c.shown[logID] = &shown{at: m.at, own: true, mark: m.mark}
	c.screen.mark(m.mark, "✓", logID)
	c.flush()
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
	logID, err := push(ctx, c.link.REST, m.proto)
	if err != nil && !client.Final(err) {
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
	case client.Final(a.err):
		c.out.remove(m)
		c.refuse(m.typed, a.err.Error())
	default:
		m.asking, m.seq = false, 0
		c.flush()
	}
}
