package e2e

import (
	"strings"
	"testing"

	"parley/app/presence"
	"parley/e2e/servers/fixture"
	"parley/pkg/fault"
	"parley/pkg/redisx"
)

// On a cluster a script may only use keys of one slot, and a channel is heard on
// every node.
func TestACallOnARedisCluster(t *testing.T) {
	t.Parallel()
	needServers(t)
	cluster, err := fixture.StartRedisCluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, cluster.Stop()) })
	redis := strings.Join(cluster.Addrs(), ",")
	s := startServicesOn(t, redis, redis, "PARLEY_CALL_RING=2s")
	client, err := redisx.Open(t.Context(), redisx.Config{Addrs: cluster.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, redisx.Close(client)) })
	w := &world{t: t, site: s.site, redis: client}
	ann, ben := w.handset("ann's"), w.handset("ben's")
	w.connected(ann.client, "ann's")
	w.connected(ben.client, "ben's")

	trace := ann.call(0, ben.client)
	ben.hears(trace, "START_CALL")
	ben.answers(trace)
	ann.hears(trace, "ACCEPT_CALL "+string(ann.uid()))
	w.user().tryCall(0, ben.client).want(t, fault.CallBusy)
	if p, err := presence.NewReader(client).Of(t.Context(), ben.uid()); err != nil || !p.Online() {
		t.Errorf("ben's presence is %+v (%v)", p, err)
	}
	ann.handle(trace, false).want(t, fault.OK)
	ben.hears(trace, "STOP_CALL_HANGUP")
	trace = ann.call(0, ben.client)
	ben.hears(trace, "START_CALL")
	ben.hears(trace, "STOP_CALL_TIMEOUT")
	ann.hears(trace, "STOP_CALL_TIMEOUT")

	// A phone elsewhere is told of through a channel.
	elsewhere := s.site
	elsewhere.connect = s.gateways[len(s.gateways)-1]
	ann.atAnyOf([]site{elsewhere}).connect(onPhone("ann's new one"))
	ann.end()
	w.connected(ann.client, "ann's new one")
}
