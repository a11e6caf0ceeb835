package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// requests are made all the time by people who take no failure: each has to be answered
// at the first try or, where they know several sites, at the second.
type requests struct {
	t     testing.TB
	sites []site
	over  context.Context
	end   context.CancelFunc
	wg    sync.WaitGroup
	// answered are the requests, and again those of them that took a second try.
	answered, again atomic.Int64

	reader *client
	mu     sync.Mutex
	sent   map[string]int64 // logIds by msgId
}

// stopDelay is for how long a gateway that stops ends connections with its answers, and
// briefly keeps connections for less than that: one that it has was used meanwhile, or is
// not used any more, and so is never closed by a gateway as a request comes on it.
const stopDelay = 500 * time.Millisecond

var briefly = &http.Client{
	Timeout:   httpClient.Timeout,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: stopDelay / 3},
}

// startRequests lets people begin. With one site each request has one try.
func startRequests(t testing.TB, sites ...site) *requests {
	r := &requests{t: t, sites: sites, reader: newUser(t, sites[0]), sent: make(map[string]int64)}
	r.over, r.end = context.WithCancel(context.Background())
	t.Cleanup(r.stop)
	for range 6 {
		writer := newUser(t, sites[0])
		r.wg.Go(func() { r.write(writer) })
	}
	for range 3 {
		host, guest := newUser(t, sites[0]), newUser(t, sites[0])
		r.wg.Go(func() { r.host(host, guest) })
	}
	r.wg.Go(func() { r.read(newUser(t, sites[0])) })
	caller, callee, storer := newUser(t, sites[0]), newUser(t, sites[0]), newUser(t, sites[0])
	r.wg.Go(func() { r.call(caller, callee) })
	r.wg.Go(func() { r.upload(storer) })
	return r
}

func (r *requests) stop() {
	r.end()
	r.wg.Wait()
}

// progress waits for n more answers.
func (r *requests) progress(n int64) {
	r.t.Helper()
	from := r.answered.Load()
	until(r.t, func() bool { return r.answered.Load() >= from+n })
}

// request makes one and returns its answer, or nil after a failure.
func (r *requests) request(c *client, path, contentType string, body []byte) *answer {
	first := int(r.answered.Load())
	for try := range 2 {
		req, err := http.NewRequest(http.MethodPost, r.sites[(first+try)%len(r.sites)].url(path), bytes.NewReader(body))
		if err != nil {
			r.t.Error(err)
			return nil
		}
		req.Header.Set("FZM-SIGNATURE", c.token())
		req.Header.Set("Content-Type", contentType)
		a, err := doBy(briefly, req)
		if err == nil && a.status == http.StatusOK && a.Result != fault.Busy {
			r.answered.Add(1)
			return a
		}
		if len(r.sites) == 1 || try > 0 || !mayTryElsewhere(a, err) {
			if err != nil {
				r.t.Errorf("%s fails: %v", path, err)
			} else {
				r.t.Errorf("%s is answered with status %d %s", path, a.status, a.body)
			}
			return nil
		}
		r.again.Add(1)
	}
	return nil
}

// mayTryElsewhere: nobody is there, or he says that somebody else should be asked.
func mayTryElsewhere(a *answer, err error) bool {
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	return a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable
}

func (r *requests) ask(c *client, path string, body any) *answer {
	encoded, err := json.Marshal(body)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	return r.request(c, path, "application/json", encoded)
}

// write sends numbered messages to the reader.
func (r *requests) write(c *client) {
	for n := 0; r.over.Err() == nil; n++ {
		m := text(string(r.reader.uid()), fmt.Sprint(n))
		part, contentType := filePart(r.t, "message", encode(&wirev1.Proto{Body: encode(m)}))
		body, err := io.ReadAll(part)
		if err != nil {
			r.t.Error(err)
			return
		}
		a := r.request(c, "/record/push", contentType, body)
		if a == nil || a.Result != fault.OK {
			r.t.Errorf("a message is not accepted: %v", a)
			return
		}
		var s sent
		a.into(r.t, &s)
		r.mu.Lock()
		r.sent[m.MsgId] = s.LogID
		r.mu.Unlock()
		pause(r.over, 5*time.Millisecond)
	}
}

// host makes groups and changes them.
func (r *requests) host(c, guest *client) {
	ok := func(a *answer) bool {
		if a != nil && a.Result != fault.OK {
			r.t.Errorf("a host is answered with %s", a.body)
		}
		return a != nil && a.Result == fault.OK
	}
	for r.over.Err() == nil {
		made := r.ask(c, "/group/app/create-group", fields{"name": "circle"})
		if !ok(made) {
			return
		}
		var g struct{ ID id.GID }
		made.into(r.t, &g)
		in := func(path string, who *client, more fields) bool {
			if more == nil {
				more = fields{}
			}
			more["id"] = g.ID
			defer pause(r.over, 5*time.Millisecond)
			return ok(r.ask(who, "/group/app/"+path, more))
		}
		if !in("invite-group-members", c, fields{"newMemberIds": uids([]*client{guest})}) ||
			!in("group-info", guest, nil) || !in("group-member-list", guest, nil) ||
			!in("name", c, fields{"name": "another"}) || !in("group-exit", guest, nil) || !in("group-disband", c, nil) {
			return
		}
	}
}

// read asks for what only reads.
func (r *requests) read(c *client) {
	for r.over.Err() == nil {
		for path, body := range map[string]fields{
			"/app/record/sync-record": {"count": 10},
			"/group/app/group-list":   {},
			"/app/user/login":         {"connType": 0},
		} {
			if a := r.ask(c, path, body); a == nil || a.Result != fault.OK {
				r.t.Errorf("%s is answered with %v", path, a)
				return
			}
			pause(r.over, 5*time.Millisecond)
		}
	}
}

// call has one call another, who rejects or accepts, and then hangs up.
func (r *requests) call(caller, callee *client) {
	ok := func(what string, a *answer) bool {
		if a != nil && a.Result != fault.OK {
			r.t.Errorf("%s of a call is answered with %s", what, a.body)
		}
		pause(r.over, 5*time.Millisecond)
		return a != nil && a.Result == fault.OK
	}
	for n := 0; r.over.Err() == nil; n++ {
		a := r.ask(caller, "/app/start-call", fields{"groupId": "0", "invitees": uids([]*client{callee}), "RTCType": 1})
		if !ok("start", a) {
			return
		}
		var started struct{ TraceID int64 }
		a.into(r.t, &started)
		trace := started.TraceID
		if !ok("check", r.ask(callee, "/app/check-call", fields{"traceId": trace})) ||
			!ok("answer", r.ask(callee, "/app/handle-call", fields{"traceId": trace, "answer": n%2 == 0})) {
			return
		}
		if n%2 == 0 && !ok("end", r.ask(callee, "/app/handle-call", fields{"traceId": trace, "answer": false})) {
			return
		}
	}
}

// upload stores objects, whole and in parts.
func (r *requests) upload(c *client) {
	whole, parted := inDtalk("rolling/whole"), inDtalk("rolling/parts")
	ask := func(path string, p parts) *answer {
		contentType, body := p.encode(verbatim)
		return r.request(c, path, contentType, body)
	}
	ok := func(what string, a *answer) bool {
		if a != nil && a.Result != fault.OK {
			r.t.Errorf("%s is answered with %s", what, a.body)
		}
		pause(r.over, 10*time.Millisecond)
		return a != nil && a.Result == fault.OK
	}
	for r.over.Err() == nil {
		if !ok("an upload", ask("/oss/upload", whole.texts(file("file", "content")))) {
			return
		}
		a := r.ask(c, "/oss/init-multipart-upload", parted.json(nil))
		if !ok("the beginning of an upload", a) {
			return
		}
		var begun struct{ UploadID string }
		a.into(r.t, &begun)
		a = ask("/oss/upload-part", parted.texts(textPart("uploadId", begun.UploadID), textPart("partNumber", "1"), file("file", "part")))
		if !ok("a part", a) {
			return
		}
		var written etag
		a.into(r.t, &written)
		done := parted.json(map[string]any{"uploadId": begun.UploadID, "parts": []etag{written}})
		if !ok("the end of an upload", r.ask(c, "/oss/complete-multipart-upload", done)) {
			return
		}
	}
}

// verify ends the requests: every message is there once, where its answer said, and the
// messages of each writer in his order.
func (r *requests) verify(atLeast int64) {
	r.t.Helper()
	r.stop()
	if n := r.answered.Load(); n < atLeast {
		r.t.Errorf("only %d requests were answered: the test shows nothing", n)
	}
	last := make(map[string]int)
	stored := make(map[string]bool)
	for _, e := range r.reader.syncAll(0, 1000) {
		if want, ok := r.sent[e.message.MsgId]; !ok || want != e.logID || stored[e.message.MsgId] {
			r.t.Errorf("the message %s is at %d, answered was %d", e.message.MsgId, e.logID, want)
		}
		stored[e.message.MsgId] = true
		var content wirev1.Text
		mustDecode(r.t, e.message.Msg, &content)
		var n int
		if _, err := fmt.Sscan(content.Content, &n); err != nil || n != last[e.message.From] {
			r.t.Errorf("of %s comes %d, want %d", e.message.From, n, last[e.message.From])
		}
		last[e.message.From] = n + 1
	}
	if len(stored) != len(r.sent) {
		r.t.Errorf("%d messages of %d are there", len(stored), len(r.sent))
	}
	r.t.Logf("%d requests were answered, %d of them at the second try", r.answered.Load(), r.again.Load())
}

// everybodyIsBack waits until a message reaches all devices, and says how long it took.
func (x *wandering) everybodyIsBack() time.Duration {
	x.t.Helper()
	began := time.Now()
	last := x.people[0].send(groupText(x.everyone, "are you there?")).LogID
	for _, d := range x.devices {
		if !d.await(func() bool { return d.settled[last] }) {
			x.t.Fatalf("%s does not come back", d.login.uuid)
		}
	}
	return time.Since(began)
}

// backWithin is how long sockets may take to be back when one of two gateways stops.
const backWithin = 5 * time.Second

// roll restarts one process after the other. The next one has its turn when the one
// before is ready.
func (f *fleet) roll(x *wandering, r *requests) {
	for _, m := range f.members {
		r.progress(100)
		began := time.Now()
		m.restart()
		f.t.Logf("%s was restarted in %s", m.name, time.Since(began).Round(time.Millisecond))
		if m.target == "connect" {
			if took := x.everybodyIsBack(); took > backWithin {
				f.t.Errorf("sockets are back after %s, want within %s", took, backWithin)
			}
		}
	}
	r.progress(100)
}

// chatter lets people with sockets write until the test calls the function returned.
func (x *wandering) chatter(people int) (quiet func()) {
	over := make(chan struct{})
	var writing sync.WaitGroup
	for _, c := range x.people[:people] {
		writing.Go(func() { x.chat(c, over, 50*time.Millisecond) })
	}
	return func() {
		close(over)
		writing.Wait()
	}
}

// rollUnderLoad rolls while people use all routes at these sites and have sockets there.
func (f *fleet) rollUnderLoad(sites ...site) {
	gateways := make([]string, len(sites))
	for i, s := range sites {
		gateways[i] = s.connect
	}
	x := settled(f.t, &pair{site: f.site, gateways: gateways})
	r := startRequests(f.t, sites...)
	quiet := x.chatter(6)
	f.roll(x, r)
	quiet()
	r.verify(1000)
	x.rest()
	x.calm()
	x.verify()
}

// Every process is replaced while everything is in use, and nobody notices: through nginx
// no request fails, and no event is lost or out of order.
func TestARollingRestartBehindNginxFailsNoRequest(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "PARLEY_CONNECT_RESENDAFTER=1h")
	f.rollUnderLoad(f.site)
}

// Who knows the gateways tries another one, once.
func TestARollingRestartWithoutNginxCostsOneTryMore(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "PARLEY_CONNECT_RESENDAFTER=1h", "PARLEY_STOP_DELAY="+stopDelay.String())
	f.rollUnderLoad(f.direct()...)
}

// A service that hangs: it accepts calls and does nothing. What only reads is asked of the
// other one after half of its time; what changes something may fail, until keepalives have
// found out. Nothing else is as it was before for more than seconds.
func TestAServiceThatHangsIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := startFleet(t)
	alice := newUser(t, f.site)
	g := alice.create("friends")
	hanging := f.member("group-rpc/0")
	alice.ask("group-info", g.ID, nil).want(t, fault.OK)
	hanging.freeze()
	defer hanging.thaw()
	began := time.Now()
	var reads, slow int
	var slowest time.Duration
	for time.Since(began) < foundWithin+5*time.Second {
		asked := time.Now()
		alice.ask("group-info", g.ID, nil).want(t, fault.OK)
		took := time.Since(asked)
		reads++
		if took > time.Second {
			slow++
			if time.Since(began) > foundWithin+took {
				t.Errorf("%s after a service froze reading takes %s", time.Since(began), took)
			}
		}
		slowest = max(slowest, took)
		pause(t.Context(), 10*time.Millisecond)
	}
	t.Logf("%d reads, %d of them took more than a second, the slowest %s", reads, slow, slowest)
	alice.ask("name", g.ID, fields{"name": "others"}).want(t, fault.OK)
}

// foundWithin is when keepalives have found out, with some slack.
const foundWithin = 20 * time.Second
