// Package ring is calls in the terminal, as a demonstration: it rings, and shows
// what becomes of that. What is said and seen would pass in a room, of which it
// only shows the number; package call is the service behind it.
package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"parley/app/client"
	"parley/pkg/auth"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Options say who calls whom, or waits for calls.
type Options struct {
	Key   auth.Key
	To    []id.UID // who is called; without anybody it waits for calls
	Group id.GID   // the group in which they are called, or 0
	Video bool
	// Answer is what is done about a call without asking: accept, reject or
	// busy. The input is not read then.
	Answer string
	// Once ends the waiting when a call has ended.
	Once bool
	// URL is the base of the REST API.
	URL string
	// Socket is the address of the socket; empty is /sub below URL.
	Socket string
	In     io.Reader
	Out    io.Writer
	// Short shortens uids.
	Short bool
}

// Answers are what Options.Answer may be.
var Answers = []string{string(accept), string(reject), string(busy)}

var (
	errNoCall      = errors.New("there is no call")
	errNotAnswered = errors.New("the call was not answered")
)

// grace is how long after its deadline a call may ring in the terminal: the
// signal that it is over comes before, if there is one.
const grace = 2 * time.Second

// ring is one run. Everything belongs to the goroutine of Run.
type ring struct {
	state
	options Options
	link    *client.Link
	rest    rest
	// overdue is when the call should not ring any more.
	overdue <-chan time.Time
}

// Run calls somebody and ends with the call, or waits for calls until the input
// or ctx ends. It is an error if a call of its own was not answered.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &ring{state: state{calls: len(o.To) > 0}, options: o}
	if err := r.connect(ctx); err != nil {
		return r.unlessInterrupted(ctx, err)
	}
	defer r.link.Leave()
	if !r.calls {
		r.say("waiting for calls")
	} else if err := r.start(ctx); err != nil {
		return err
	}
	var lines <-chan string
	if o.Answer == "" {
		lines = client.ReadLines(ctx, o.In)
	}
	return r.hold(ctx, lines)
}

// connect lets the device in, and takes the end of the log: a call may ring of
// which another terminal of the device was told already. What is before that is
// over.
func (r *ring) connect(ctx context.Context) (err error) {
	r.link, err = client.Connect(ctx, client.Options{
		Key: r.options.Key, Program: "parley call", URL: r.options.URL, Socket: r.options.Socket, Take: r.take, Say: r.say,
	})
	if err != nil {
		return err
	}
	r.rest = rest{r.link.REST}
	events, _, err := r.link.REST.Tail(ctx)
	if err != nil {
		r.link.Leave()
		return fmt.Errorf("read the last events: %w", err)
	}
	for _, e := range events {
		r.take(e)
	}
	return nil
}

// unlessInterrupted is an error of the connection. Being interrupted is none.
func (r *ring) unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return r.verdict()
	}
	return err
}

// start rings those who are called.
func (r *ring) start(ctx context.Context) error {
	kind := int32(audio)
	if r.options.Video {
		kind = video
	}
	s, err := r.rest.start(ctx, r.options.To, r.options.Group, kind)
	if hasCode(err, fault.CallBusy) {
		r.say("busy")
		return errNotAnswered
	}
	if err != nil {
		return err
	}
	r.begin(&s)
	r.say("ringing " + r.names(s.Invitees) + s.where())
	if left := without(r.options.To, s.Invitees); len(left) > 0 {
		r.say("busy: " + r.names(left))
	}
	return nil
}

// hasCode reports whether an error is an answer with one of some codes.
func hasCode(err error, codes ...fault.Code) bool {
	answer := (*client.CodeError)(nil)
	return errors.As(err, &answer) && slices.Contains(codes, answer.Code)
}

// begin begins a call.
func (r *ring) begin(s *session) {
	r.call = &call{trace: s.TraceID}
	r.overdue = time.After(time.Duration(s.Timeout)*time.Millisecond + grace)
}

// hold takes what happens, one thing after the other. What follows from it is
// done at once, so that nothing else happens meanwhile.
func (r *ring) hold(ctx context.Context, lines <-chan string) error {
	for {
		r.look(ctx)
		if r.call == nil && r.ended > 0 && (r.calls || r.options.Once) {
			return r.verdict()
		}
		select {
		case <-ctx.Done():
			return r.quit(ctx)
		case line, ok := <-lines:
			if !ok {
				return r.quit(ctx)
			}
			r.obey(ctx, line)
		case p := <-r.link.Packets():
			r.link.Receive(p)
		case <-r.link.Ended():
			r.link.Lost(ctx, r.link.Receive)
		case d := <-r.link.Dialed():
			if err := r.link.Reached(ctx, d); err != nil {
				return r.unlessInterrupted(ctx, err)
			}
		case <-r.overdue:
			r.expire(ctx)
		}
	}
}

// verdict is what the run comes to.
func (r *ring) verdict() error {
	if r.calls && !r.answered {
		return errNotAnswered
	}
	return nil
}

// take takes an event, once.
func (r *ring) take(e client.Event) {
	if r.link.New(e.Pos) && e.Signal != nil {
		r.say(r.heed(e.Signal))
	}
}

// look looks at the call of which a signal told. When it does not ring, the
// signal is an old one.
func (r *ring) look(ctx context.Context) {
	trace := r.heard
	if trace == 0 {
		return
	}
	r.heard = 0
	s, err := r.rest.check(ctx, trace)
	if hasCode(err, fault.NotFound, fault.CallExpired) {
		return
	}
	if err != nil {
		r.say(fmt.Sprintf("somebody calls: %v", err))
		return
	}
	if r.call != nil { // who is rung by another call is not in it any more
		r.say(r.over("the call is over"))
	}
	r.begin(&s)
	words := s.kind() + " call from " + r.name(s.Caller) + s.where()
	if r.options.Answer == "" {
		r.say(words + ": " + list(r.may()) + "?")
		return
	}
	r.say(words)
	if err := r.do(ctx, action(r.options.Answer)); err != nil {
		r.say(err.Error())
	}
}

// obey does what was typed.
func (r *ring) obey(ctx context.Context, line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	a, err := r.understand(line)
	if err == nil {
		err = r.do(ctx, a)
	}
	if err != nil {
		r.say(err.Error())
	}
}

// do does something about the call. When the server refuses that, the call is
// over for this terminal.
func (r *ring) do(ctx context.Context, a action) error {
	var err error
	var says string
	trace := r.call.trace
	switch a {
	case accept:
		var room int32
		if room, err = r.rest.accept(ctx, trace); err == nil {
			r.say(r.accepted(room))
			return nil
		}
	case busy:
		says, err = r.did(a), r.rest.busy(ctx, trace)
	default:
		says, err = r.did(a), r.rest.refuse(ctx, trace)
	}
	switch {
	case err == nil:
		r.say(r.over(says))
	case client.Final(err):
		r.say(r.over(fmt.Sprintf("%s: %v", a, err)))
	default:
		return fmt.Errorf("%s: %w", a, err)
	}
	return nil
}

// quit ends the run. A call of the terminal's own ends with it, and one that is
// talked in; another goes on ringing on other devices.
func (r *ring) quit(ctx context.Context) error {
	if r.call != nil && (r.calls || r.call.talking) {
		if err := r.do(ctx, hangUp); err != nil {
			return err
		}
	}
	return r.verdict()
}

// expire ends a call that rings beyond its deadline: it was accepted or refused
// on another device, of which this one is not told, or the server has lost it.
// What was missed without a connection is waited for.
func (r *ring) expire(ctx context.Context) {
	switch {
	case r.call == nil || r.call.talking:
	case !r.link.Connected():
		r.overdue = time.After(grace)
	default:
		if r.calls {
			r.rest.refuse(ctx, r.call.trace) // it is over, whatever is answered
		}
		r.say(r.over("no longer ringing"))
	}
}

// say prints a line, if there is one.
func (r *ring) say(line string) {
	if line != "" {
		fmt.Fprintln(r.options.Out, client.Clean(line))
	}
}

// name is how a user is called.
func (r *ring) name(uid string) string {
	if r.options.Short {
		return client.Shorten(uid)
	}
	return uid
}

func (r *ring) names(uids []string) string {
	names := make([]string, len(uids))
	for i, uid := range uids {
		names[i] = r.name(uid)
	}
	return strings.Join(names, ", ")
}

// without are those of all who are not among some.
func without(all []id.UID, some []string) (left []string) {
	for _, u := range all {
		if !slices.Contains(some, string(u)) {
			left = append(left, string(u))
		}
	}
	return left
}
