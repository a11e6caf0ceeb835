package call_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-redis/redis/v8"
	"google.golang.org/protobuf/proto"

	callv1 "parley/api/proto/call/v1"
	wirev1 "parley/api/proto/wire/v1"
	"parley/app/call"
	callredis "parley/app/call/redis"
	"parley/app/call/rpc"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
	"parley/pkg/redisx/redistest"
	"parley/record/recordtest"
)

const (
	ring   = time.Minute
	keep   = 24 * time.Hour
	expire = 24 * time.Hour
	crew   = id.GID(42) // the group of everybody, where calls are tried
)

// world is a Redis, a log and a clock, on which call services run.
type world struct {
	*recordtest.World
	redis  redis.UniversalClient
	now    atomic.Int64 // Unix milliseconds
	config call.Config

	mu      sync.Mutex
	gone    map[id.UID]bool // who lost his connections for long
	labels  map[int64]int   // calls are 1, 2, 3 … in the order in which they were answered
	answers map[id.UID][][]byte
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		World: recordtest.New(t), redis: redistest.New(t),
		config: call.Config{Ring: ring, MaxInvitees: 8, TicketExpire: expire},
		gone:   make(map[id.UID]bool), labels: make(map[int64]int), answers: make(map[id.UID][][]byte),
	}
	w.now.Store(1_700_000_000_000)
	return w
}

// pass lets time pass.
func (w *world) pass(d time.Duration) { w.now.Add(d.Milliseconds()) }

func (w *world) time() time.Time { return time.UnixMilli(w.now.Load()) }

// Check implements call.Members: who has a name that begins with "out" is outside.
func (w *world) Check(_ context.Context, g id.GID, caller id.UID, others []id.UID) error {
	outside := func(u id.UID) bool { return strings.HasPrefix(string(u), "out") }
	switch {
	case g != crew:
		return fault.NoSuchGroup
	case outside(caller):
		return fault.NotMember
	case slices.ContainsFunc(others, outside):
		return fault.TargetNotMember
	}
	return nil
}

// Steady implements call.Presence.
func (w *world) Steady(_ context.Context, u id.UID, since time.Time) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if since.After(w.time()) || since.IsZero() {
		return false, fmt.Errorf("%s talks since %s", u, since)
	}
	return !w.gone[u], nil
}

// Ticket implements call.Issuer.
func (w *world) Ticket(u id.UID, room int32) (call.Ticket, error) {
	return call.Ticket{Room: room, UserSig: fmt.Sprintf("<sig of %s>", u), PrivateMapKey: fmt.Sprintf("<key of %s to %d>", u, room), AppID: 7}, nil
}

// service is one call service, as another process has it, behind its rpc.
type service struct {
	*call.Service
	w   *world
	rpc *rpc.Server

	mu     sync.Mutex
	during func() // runs in the next step, when it is decided and not yet stored
	// before and after are asked around each append; their errors are answers.
	before, after func(eventlog.Event) error
}

func (w *world) service() *service {
	s := &service{w: w}
	s.Service = call.NewService(w.config, interrupted{callredis.New(w.redis, keep), s}, unreliable{w.Log, s}, w, w, w)
	s.SetClock(w.time)
	s.rpc = rpc.New(s.Service)
	return s
}

// interrupted is a store in whose steps something else happens.
type interrupted struct {
	call.Store
	s *service
}

func (i interrupted) Update(ctx context.Context, now time.Time, fn func(call.Tx) error) error {
	return i.Store.Update(ctx, now, func(tx call.Tx) error {
		err := fn(tx)
		i.s.mu.Lock()
		during := i.s.during
		i.s.during = nil
		i.s.mu.Unlock()
		if during != nil {
			during()
		}
		return err
	})
}

// unreliable is a log that may fail.
type unreliable struct {
	*eventlog.Log
	s *service
}

var errLost = errors.New("the connection is lost")

func (u unreliable) Append(ctx context.Context, e eventlog.Event) (eventlog.Receipt, error) {
	u.s.mu.Lock()
	before, after := u.s.before, u.s.after
	u.s.mu.Unlock()
	if before != nil {
		if err := before(e); err != nil {
			return eventlog.Receipt{}, err
		}
	}
	r, err := u.Log.Append(ctx, e)
	if after != nil {
		err = errors.Join(err, after(e))
	}
	return r, err
}

// dies has nothing that the service owes from now on reach the log.
func (s *service) dies() *service {
	s.before = func(eventlog.Event) error { return errLost }
	return s
}

// answer notes an answer to u and returns its code.
func (s *service) answer(u id.UID, m proto.Message, err error) fault.Code {
	s.w.Helper()
	if err != nil {
		return fault.Of(err).Code
	}
	b, err := proto.Marshal(m)
	if err != nil {
		s.w.Errorf("marshal an answer: %v", err)
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.answers[u] = append(s.w.answers[u], b)
	return fault.OK
}

func (s *service) request(r *callv1.StartRequest) (int64, []string, fault.Code) {
	s.w.Helper()
	a, err := s.rpc.Start(context.Background(), r)
	code := s.answer(id.UID(r.GetCaller()), a, err)
	if code != fault.OK {
		return 0, nil, code
	}
	i := a.GetSession().GetTraceId()
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.labels[i] == 0 {
		s.w.labels[i] = len(s.w.labels) + 1
	}
	return i, a.GetSession().GetInvitees(), code
}

// start starts a call to one, or a group call to several.
func (s *service) start(caller id.UID, invitees ...id.UID) (int64, fault.Code) {
	s.w.Helper()
	r := &callv1.StartRequest{Caller: string(caller), Invitees: id.Texts(invitees), RtcType: 1}
	if len(invitees) > 1 {
		r.Group = int64(crew)
	}
	i, _, code := s.request(r)
	return i, code
}

// rings starts a call that must ring.
func (s *service) rings(caller id.UID, invitees ...id.UID) int64 {
	s.w.Helper()
	i, code := s.start(caller, invitees...)
	if code != fault.OK {
		s.w.Fatalf("%s calls %v: %d", caller, invitees, code)
	}
	return i
}

func (s *service) accept(i int64, u id.UID, device string) (*callv1.Ticket, fault.Code) {
	s.w.Helper()
	a, err := s.rpc.Handle(context.Background(), &callv1.HandleRequest{TraceId: i, Caller: string(u), Uuid: device, Answer: true})
	return a.GetTicket(), s.answer(u, a, err)
}

// accepts is accept on a phone, which must be given a ticket.
func (s *service) accepts(i int64, u id.UID) {
	s.w.Helper()
	if ticket, code := s.accept(i, u, "phone"); code != fault.OK || ticket.GetUserSig() != fmt.Sprintf("<sig of %s>", u) {
		s.w.Fatalf("%s accepts: %d, %v", u, code, ticket)
	}
}

func (s *service) refuse(i int64, u id.UID) fault.Code {
	s.w.Helper()
	a, err := s.rpc.Handle(context.Background(), &callv1.HandleRequest{TraceId: i, Caller: string(u), Uuid: "phone"})
	return s.answer(u, a, err)
}

func (s *service) decline(i int64, u id.UID) fault.Code {
	s.w.Helper()
	a, err := s.rpc.ReplyBusy(context.Background(), &callv1.ReplyBusyRequest{TraceId: i, Caller: string(u)})
	return s.answer(u, a, err)
}

func (s *service) check(i int64, u id.UID) fault.Code {
	s.w.Helper()
	a, err := s.rpc.Check(context.Background(), &callv1.CheckRequest{TraceId: i, Caller: string(u)})
	return s.answer(u, a, err)
}

// looks does once what the service does again and again.
func (s *service) looks() {
	s.w.Helper()
	if err := s.Look(context.Background()); err != nil {
		s.w.Errorf("look: %v", err)
	}
}

// answers checks a code.
func (w *world) answered(what string, got, want fault.Code) {
	w.Helper()
	if got != want {
		w.Errorf("%s answers %d, want %d", what, got, want)
	}
}

// events reads everything that somebody was ever told, in its order.
func (w *world) events(u id.UID) (all []eventlog.Event) {
	w.Helper()
	err := w.Log.Read(context.Background(), u, 0, 100_000, func(part []eventlog.Event) error {
		all = append(all, part...)
		return nil
	})
	if err != nil {
		w.Fatalf("read what %s was told: %v", u, err)
	}
	return all
}

// hears checks what somebody was told so far, such as "1:start, 1:cancel".
func (w *world) hears(u id.UID, want string) {
	w.Helper()
	var list []string
	for _, e := range w.events(u) {
		list = append(list, w.words(e))
	}
	if got := strings.Join(list, ", "); got != want {
		w.Errorf("%s hears %q, want %q", u, got, want)
	}
}

// onlyHisTickets checks that no ticket but his own is in what anybody was told or
// answered, and that those who talked have theirs.
func (w *world) onlyHisTickets(users ...id.UID) {
	w.Helper()
	found := 0
	for _, u := range users {
		all := slices.Clone(w.answers[u])
		for _, e := range w.events(u) {
			all = append(all, e.Body)
		}
		for _, text := range all {
			for _, mark := range []string{"<sig of ", "<key of "} {
				for _, rest := range strings.Split(string(text), mark)[1:] {
					found++
					if !strings.HasPrefix(rest, string(u)+">") && !strings.HasPrefix(rest, string(u)+" ") {
						w.Errorf("%s is told %q", u, text)
					}
				}
			}
		}
	}
	if found == 0 {
		w.Error("there is no ticket anywhere")
	}
}

// words writes an event, with the call's number.
func (w *world) words(e eventlog.Event) string {
	w.Helper()
	if e.Kind == eventlog.Message {
		return "record"
	}
	i, what, err := decode(e)
	if err != nil {
		w.Fatalf("decode event %d: %v", e.Pos, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d:%s", w.labels[i], what)
}

var stopReasons = map[wirev1.StopReason]string{0: "busy", 1: "timeout", 2: "reject", 3: "hangup", 4: "cancel"}

// decode reads a signal of a call.
func decode(e eventlog.Event) (i int64, what string, err error) {
	signal, start, accept, stop := &wirev1.Signal{}, &wirev1.SignalStartCall{}, &wirev1.SignalAcceptCall{}, &wirev1.SignalStopCall{}
	if err := proto.Unmarshal(e.Body, signal); err != nil {
		return 0, "", err
	}
	switch signal.GetType() {
	case wirev1.SignalType_SIGNAL_TYPE_START_CALL:
		err = proto.Unmarshal(signal.GetBody(), start)
		return start.GetTraceId(), "start", err
	case wirev1.SignalType_SIGNAL_TYPE_ACCEPT_CALL:
		err = proto.Unmarshal(signal.GetBody(), accept)
		return accept.GetTraceId(), "accept", err
	case wirev1.SignalType_SIGNAL_TYPE_STOP_CALL:
		err = proto.Unmarshal(signal.GetBody(), stop)
		return stop.GetTraceId(), stopReasons[stop.GetReason()], err
	}
	return 0, "", fmt.Errorf("signal %s is not of calls", signal.GetType())
}

// user is the nth of many.
func user(name string, n int) id.UID { return id.UID(fmt.Sprint(name, n)) }
