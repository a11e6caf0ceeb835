package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/group"
	groupstore "parley/group/store"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// People whom others act on. None of them is a caller.
const (
	permissionTarget     = "target"      // a plain member, who wrote the message
	permissionOtherMuted = "other muted" // a muted member
	permissionOtherAdmin = "other admin"
	permissionApplicant  = "applicant" // wants to join
)

// permissionNoGroup is the id of no group, and permissionNoMessage a logId of no
// message.
const (
	permissionNoGroup   id.GID = 4503599627370497
	permissionNoMessage int64  = 4503599627370497
)

// permissionWorld is a world with the operator of its server.
type permissionWorld struct {
	*world
	operator *group.Service
}

func newPermissionWorld(t *testing.T, w *world) *permissionWorld {
	log := eventlog.Open(w.db)
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &permissionWorld{w, group.New(log, groupstore.New(w.db), group.DefaultConfig())}
}

func (w *permissionWorld) in(t testing.TB) *permissionWorld {
	return &permissionWorld{w.world.in(t), w.operator}
}

// permissionGroup is a group with people of every sort, made over the API by its
// owner. Nobody in it has anything to do with another one, so that what one of
// them hears comes from this group.
type permissionGroup struct {
	*permissionWorld
	state  permissionState
	people map[string]*client

	id          id.GID // that requests name
	message     int64  // the logId of target's message
	application int64  // applicant's, if he applied
	heard       int64  // what owner has heard
}

// newGroup makes a group for a row of the matrix, in a state, with those whom
// the row needs beside its owner.
func (w *permissionWorld) newGroup(row *permissionRow, state permissionState, others ...string) *permissionGroup {
	w.t.Helper()
	g := &permissionGroup{permissionWorld: w, state: state, people: make(map[string]*client)}
	var members []id.UID
	for _, who := range others {
		switch who {
		case permissionNoToken, permissionOwner:
			continue
		case permissionOutsider, permissionApplicant:
			g.people[who] = w.user()
		default:
			g.people[who] = w.user()
			members = append(members, g.uid(who))
		}
	}
	g.people[permissionOwner] = w.user()
	var made struct{ ID id.GID }
	g.must(permissionOwner, "/group/app/create-group", map[string]any{"name": "friends", "memberIds": members}).into(w.t, &made)
	g.id = made.ID
	for _, who := range others {
		g.place(who)
	}
	if row.joinType != 0 {
		g.must(permissionOwner, "/group/app/joinType", map[string]any{"joinType": row.joinType})
	}
	if row.applied {
		g.people[permissionApplicant] = w.user()
		g.ask(permissionApplicant, "/group/app/join-group", nil).want(w.t, fault.ApplicationPending)
		g.application = g.applications()[0]
	}
	g.enter(state)
	g.news()
	return g
}

// place makes somebody who is in the group what his name says.
func (g *permissionGroup) place(who string) {
	g.t.Helper()
	uid := g.uid(who)
	switch who {
	case permissionAdmin, permissionOtherAdmin:
		g.must(permissionOwner, "/group/app/member/type", map[string]any{"memberId": uid, "memberType": 1})
	case permissionMuted, permissionOtherMuted:
		g.must(permissionOwner, "/group/app/member/muteTime", map[string]any{"memberIds": []id.UID{uid}, "muteTime": 3_600_000})
	case permissionLeft:
		g.must(who, "/group/app/group-exit", nil)
	case permissionRemoved:
		g.must(permissionOwner, "/group/app/group-remove", map[string]any{"memberIds": []id.UID{uid}})
	case permissionTarget:
		var s sent
		g.say(who, groupText(g.id, "hello")).want(g.t, fault.OK).into(g.t, &s)
		g.message = s.LogID
	}
}

// enter brings the group into a state. Of one that is missing, only the requests
// differ.
func (g *permissionGroup) enter(state permissionState) {
	g.t.Helper()
	switch state {
	case permissionSilenced:
		g.must(permissionOwner, "/group/app/muteType", map[string]any{"muteType": 1})
	case permissionBlocked:
		if err := g.operator.Block(g.t.Context(), g.id); err != nil {
			g.t.Fatal(err)
		}
	case permissionDisbanded:
		g.must(permissionOwner, "/group/app/group-disband", nil)
	case permissionMissing:
		g.id, g.message = permissionNoGroup, permissionNoMessage
	}
}

// uid names one of the people, or nobody.
func (g *permissionGroup) uid(who string) id.UID {
	if c := g.people[who]; c != nil {
		return c.uid()
	}
	return ""
}

// news returns what owner has not heard yet.
func (g *permissionGroup) news() []event {
	g.t.Helper()
	events := g.people[permissionOwner].sync(g.heard, 1000)
	if len(events) > 0 {
		g.heard = events[len(events)-1].logID
	}
	return events
}

// applications are the open ones, as owner sees them.
func (g *permissionGroup) applications() []int64 {
	g.t.Helper()
	var list struct{ Applications []struct{ ID int64 } }
	g.must(permissionOwner, "/group/app/application-list", nil).into(g.t, &list)
	ids := make([]int64, len(list.Applications))
	for i, a := range list.Applications {
		ids[i] = a.ID
	}
	return ids
}

// request sends the request of a row in somebody's name.
func (g *permissionGroup) request(who string, row *permissionRow) *answer {
	g.t.Helper()
	if row.message != nil {
		return g.say(who, row.message(g))
	}
	return g.ask(who, row.path, row.fields(g))
}

// must is ask for what has to succeed.
func (g *permissionGroup) must(who, path string, fields map[string]any) *answer {
	g.t.Helper()
	return g.ask(who, path, fields).want(g.t, fault.OK)
}

// ask sends a request about the group in somebody's name.
func (g *permissionGroup) ask(who, path string, fields map[string]any) *answer {
	g.t.Helper()
	body := map[string]any{"id": g.id}
	for name, value := range fields {
		body[name] = value
	}
	content, err := json.Marshal(body)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.post(who, path, "application/json", bytes.NewReader(content))
}

// say sends a message in somebody's name.
func (g *permissionGroup) say(who string, m *wirev1.Common) *answer {
	g.t.Helper()
	body, contentType := filePart(g.t, "message", encode(&wirev1.Proto{Body: encode(m)}))
	return g.post(who, "/record/push", contentType, body)
}

// post sends a request with somebody's token, or with none.
func (g *permissionGroup) post(who, path, contentType string, body io.Reader) *answer {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.site.url(path), body)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if who != permissionNoToken {
		req.Header.Set("FZM-SIGNATURE", g.people[who].token())
	}
	a, err := do(req)
	if err != nil {
		g.t.Fatalf("%s by %s: %v", path, who, err)
	}
	return a
}
