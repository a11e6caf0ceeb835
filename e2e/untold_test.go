package e2e

import "testing"

// relayed is a record service whose way to Redis a test may block.
type relayed struct {
	*process
	way *relay
	// site is a gateway through which messages come to this service alone.
	site site
}

// startWithRelay starts services of which the first record service reaches Redis
// through a relay.
func startWithRelay(t testing.TB, redis string) (*services, relayed) {
	t.Helper()
	way := startRelay(t, redis)
	s := startServicesOn(t, redis, way.addr())
	side := startGateway(t, "app", t.TempDir(), "PARLEY_RECORD_ENDPOINTS="+s.first, "PARLEY_CALL_ENDPOINTS="+s.calls, "PARLEY_CONNECT_WITHAPP=false")
	return s, relayed{s.records[0], way, oneAddress(side)}
}

// commitUntold kills the service between the commit of a message and the telling
// of it, which has begun and does not get through. The receiver gets the message
// all the same.
func (r relayed) commitUntold(from *client, to *wanderer) {
	r.t.Helper()
	sender := &client{t: r.t, site: r.site, key: from.key}
	_, err := sender.insist(r.t.Context(), text(string(to.uid()), "the service is there"))
	must(r.t, err)
	r.way.block()
	m := text(string(to.uid()), "nobody is told of this")
	sent, err := sender.insist(r.t.Context(), m)
	must(r.t, err)
	until(r.t, func() bool { return r.way.keeps(m.MsgId) })
	r.kill()
	r.way.unblock()
	if !to.await(func() bool { return to.settled[sent.LogID] }) {
		r.t.Errorf("%s does not get the message that was committed at %d", to.login.uuid, sent.LogID)
	}
}

// When nothing else happens no gap shows that something is missing: whoever
// follows the log has to look.
func TestACommitThatNobodyIsToldOfIsFound(t *testing.T) {
	needServers(t)
	t.Parallel()
	redis := ownRedis(t)
	s, first := startWithRelay(t, redis.Addr)
	alice, bob := newUser(t, s.site), newUser(t, s.site)
	for _, gateway := range s.gateways {
		d := newWanderer(bob, onDesktop(gateway), steady, gateway)
		d.roam()
		if !d.await(func() bool { return d.entered > 0 }) {
			t.Fatal("bob's device does not come in")
		}
		first.commitUntold(alice, d)
		first.run()
	}
}
