package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// The tests of this file hold the events of groups against the wire format, byte
// for byte: with an encoder of their own, which is a page long.

// pb is an encoded protobuf message. Fields are added in the order of their
// numbers, and numbers that are 0 are left out, as proto3 has it.
type pb []byte

func (b pb) uvarint(n uint64) pb {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// num adds a field with a number.
func (b pb) num(field byte, n uint64) pb {
	if n == 0 {
		return b
	}
	return append(b, field<<3).uvarint(n)
}

// text adds a field with a text, or with a message.
func (b pb) text(field byte, text string) pb {
	return append(append(b, field<<3|2).uvarint(uint64(len(text))), text...)
}

// each adds a field once for every user.
func (b pb) each(field byte, users ...*client) pb {
	for _, u := range users {
		b = b.text(field, string(u.uid()))
	}
	return b
}

// tale is an event as it is to be: a signal, whose body has its time in it, or a
// notice of somebody's.
type tale struct {
	kind uint64
	from *client // nil for a signal
	body func(at uint64) pb
}

func signalIs(kind uint64, body func(at uint64) pb) tale { return tale{kind: kind, body: body} }

func noticeIs(kind uint64, from *client, body pb) tale {
	return tale{kind, from, func(uint64) pb { return body }}
}

// record is what sync-record returns for the tale, without its base64.
func (n tale) record(g id.GID, logID, at uint64, msgID string) pb {
	if n.from == nil {
		signal := pb(nil).num(1, n.kind).text(2, string(n.body(at))).num(3, logID).num(4, 1)
		return pb(nil).num(1, 2).text(2, string(signal))
	}
	notice := pb(nil).num(1, n.kind).text(2, string(n.body(at)))
	common := pb(nil).num(1, 1).num(2, logID).text(3, msgID).text(4, string(n.from.uid())).text(5, g.String()).num(6, 7).text(7, string(notice)).num(8, at)
	return pb(nil).text(2, string(common))
}

// cast is the people of a scenario: an owner, an admin and two members of a group,
// somebody who left it and somebody who was never in.
type cast struct {
	*world
	group                         id.GID
	g                             uint64 // the same
	owner, admin, ben, carl       *client
	gone, eve                     *client
	everybody, members, outsiders []*client
}

func newCast(w *world) *cast {
	c := &cast{world: w, owner: w.user(), admin: w.user(), ben: w.user(), carl: w.user(), gone: w.user(), eve: w.user()}
	c.group = w.group(c.owner, c.admin, c.ben, c.carl, c.gone)
	c.g = uint64(c.group)
	c.owner.setRole(c.group, eventlog.Admin, c.admin).want(w.t, fault.OK)
	c.gone.exit(c.group).want(w.t, fault.OK)
	c.members, c.outsiders = []*client{c.owner, c.admin, c.ben, c.carl}, []*client{c.gone, c.eve}
	c.everybody = slices.Concat(c.members, c.outsiders)
	return c
}

// head is the logId of the newest event that somebody reads.
func (c *client) head() int64 {
	all := c.syncAll(0, 1000)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].logID
}

// tells wants a change to be told to readers as tales, and to nobody else.
func (c *cast) tells(act func() *answer, readers []*client, tales ...tale) {
	c.t.Helper()
	heads := make(map[*client]int64)
	for _, p := range c.everybody {
		heads[p] = p.head()
	}
	before := time.Now().UnixMilli()
	if a := act(); a.Result != fault.OK && a.Result != fault.ApplicationPending {
		c.t.Fatalf("the change is answered with %s", a.body)
	}
	after := time.Now().UnixMilli()
	want := c.records(readers[0], heads[readers[0]], tales, before, after)
	for _, p := range c.everybody {
		got := p.syncRaw(heads[p], 100)
		switch {
		case !slices.Contains(readers, p):
			if len(got) > 0 {
				c.t.Errorf("somebody whom it does not concern reads %v", got)
			}
		case !slices.Equal(got, want):
			c.t.Errorf("it is told as\n%s, want\n%s", hexed(c.t, got), hexed(c.t, want))
		}
	}
}

// records encodes tales with what the server chose: the first logId, the time and
// the msgId of notices.
func (c *cast) records(reader *client, head int64, tales []tale, before, after int64) []string {
	c.t.Helper()
	events := reader.sync(head, 100)
	if len(events) != len(tales) {
		c.t.Fatalf("it is told by %v, want %d events", events, len(tales))
	}
	var records []string
	for i, n := range tales {
		first, e, msgID := events[0], events[i], ""
		if n.from != nil {
			if msgID = e.message.GetMsgId(); uuid.Validate(msgID) != nil {
				c.t.Errorf("the msgId of a notice is %q, want a uuid", msgID)
			}
		}
		at := timeOf(c.t, first)
		if int64(at) < before || int64(at) > after {
			c.t.Errorf("the time of the events is %d, the change was from %d to %d", at, before, after)
		}
		records = append(records, base64.StdEncoding.EncodeToString(n.record(c.group, uint64(first.logID)+uint64(i), at, msgID)))
	}
	return records
}

// timeOf is when an event says that it happened.
func timeOf(t testing.TB, e event) uint64 {
	t.Helper()
	if e.message != nil {
		return e.message.Datetime
	}
	timed, ok := bodyOf(t, e).(interface{ GetTime() uint64 })
	if !ok {
		t.Fatalf("%s has no time", e)
	}
	return timed.GetTime()
}

func hexed(t testing.TB, records []string) (all []string) {
	t.Helper()
	for _, r := range records {
		raw, err := base64.StdEncoding.DecodeString(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, "\n"+hex.EncodeToString(raw))
	}
	return all
}

// The encoder itself, against bytes that were written by hand: a signal 25 of group
// 300 with the name "a" at time 1, as event 5.
func TestTheEncoderOfTheGoldenTests(t *testing.T) {
	t.Parallel()
	n := signalIs(25, func(at uint64) pb { return pb(nil).num(1, 300).text(2, "a").num(3, at) })
	if got, want := hex.EncodeToString(n.record(300, 5, 1, "")), "0802"+"1210"+"0819"+"1208"+"08ac02"+"120161"+"1801"+"1805"+"2001"; got != want {
		t.Errorf("it writes %s, want %s", got, want)
	}
}

func TestEveryChangeOfAGroupIsToldAsDocumented(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, s := range tellings {
			t.Run(s.name, func(t *testing.T) {
				s.run(newCast(w.in(t)))
			})
		}
	})
}

// mutes, roles: the signals that more than one change tells.

func (c *cast) muteIs(until uint64, users ...*client) tale {
	return signalIs(24, func(at uint64) pb { return pb(nil).num(1, c.g).each(2, users...).num(3, until).num(4, at) })
}

func (c *cast) roleIs(user *client, role uint64) tale {
	return signalIs(23, func(at uint64) pb { return pb(nil).num(1, c.g).each(2, user).num(3, role).num(4, at) })
}

func (c *cast) comes(inviter *client, users ...*client) []tale {
	return []tale{
		signalIs(10, func(at uint64) pb { return pb(nil).each(1, users...).num(2, c.g).num(3, at) }),
		noticeIs(1, inviter, pb(nil).num(1, c.g).each(2, inviter).each(3, users...)),
	}
}

// settingIs is a signal about a setting of the group.
func (c *cast) settingIs(kind, value uint64) tale {
	return signalIs(kind, func(at uint64) pb { return pb(nil).num(1, c.g).num(2, value).num(3, at) })
}

func (c *cast) textIs(kind uint64, text string) tale {
	return signalIs(kind, func(at uint64) pb {
		b := pb(nil).num(1, c.g)
		if text != "" {
			b = b.text(2, text)
		}
		return b.num(3, at)
	})
}

func (c *cast) nameIs(operator *client, name string) []tale {
	return []tale{c.textIs(25, name), noticeIs(0, operator, pb(nil).num(1, c.g).each(2, operator).text(3, name))}
}

func (c *cast) plus(others ...*client) []*client { return slices.Concat(c.members, others) }

// tellings are the changes of a group, each with what is told and to whom.
var tellings = []struct {
	name string
	run  func(*cast)
}{
	{"create", func(c *cast) {
		made := func() *answer {
			a := c.owner.post("/group/app/create-group", fields{"name": "another", "memberIds": uids([]*client{c.eve, c.ben})})
			var g circle
			a.into(c.t, &g)
			c.group, c.g = g.ID, uint64(g.ID)
			return a
		}
		c.tells(made, []*client{c.owner, c.eve, c.ben},
			signalIs(10, func(at uint64) pb { return pb(nil).each(1, c.owner, c.eve, c.ben).num(2, c.g).num(3, at) }),
			tale{1, c.owner, func(uint64) pb { return pb(nil).num(1, c.g).each(2, c.owner).each(3, c.eve, c.ben) }})
	}},
	{"create a group of one", func(c *cast) {
		made := func() *answer {
			a := c.eve.post("/group/app/create-group", fields{"name": "alone"})
			var g circle
			a.into(c.t, &g)
			c.group, c.g = g.ID, uint64(g.ID)
			return a
		}
		c.tells(made, []*client{c.eve}, signalIs(10, func(at uint64) pb { return pb(nil).each(1, c.eve).num(2, c.g).num(3, at) }))
	}},
	{"invite", func(c *cast) {
		// Who is in already is not told of.
		c.tells(func() *answer { return c.ben.invite(c.group, c.eve, c.carl, c.gone) }, c.plus(c.eve, c.gone), c.comes(c.ben, c.eve, c.gone)...)
	}},
	{"join", func(c *cast) {
		c.tells(func() *answer { return c.eve.join(c.group) }, c.plus(c.eve), c.comes(c.eve, c.eve)...)
	}},
	{"join by a member's invitation", func(c *cast) {
		tales := c.comes(c.ben, c.eve)
		tales[1].from = c.eve // who writes it is who joined
		c.tells(func() *answer { return c.eve.ask("join-group", c.group, fields{"inviterId": c.ben.uid()}) }, c.plus(c.eve), tales...)
	}},
	{"apply, reject and accept", func(c *cast) {
		c.owner.ask("joinType", c.group, fields{"joinType": 2}).want(c.t, fault.OK)
		c.tells(func() *answer { return c.eve.join(c.group) }, c.members)
		c.tells(func() *answer { return c.answerFirst(false) }, c.members)
		c.tells(func() *answer { return c.ben.invite(c.group, c.eve) }, c.members)
		c.tells(func() *answer { return c.answerFirst(true) }, c.plus(c.eve), c.comes(c.admin, c.eve)...)
	}},
	{"exit", func(c *cast) {
		c.tells(func() *answer { return c.ben.exit(c.group) }, c.members,
			noticeIs(2, c.ben, pb(nil).num(1, c.g).each(2, c.ben)),
			signalIs(11, func(at uint64) pb { return pb(nil).each(1, c.ben).num(2, c.g).num(3, at) }))
	}},
	{"remove", func(c *cast) {
		c.tells(func() *answer { return c.admin.remove(c.group, c.carl, c.gone, c.ben) }, c.members,
			noticeIs(3, c.admin, pb(nil).num(1, c.g).each(2, c.admin).each(3, c.carl, c.ben)),
			signalIs(11, func(at uint64) pb { return pb(nil).each(1, c.carl, c.ben).num(2, c.g).num(3, at) }))
		c.tells(func() *answer { return c.owner.muteAll(c.group, true) }, []*client{c.owner, c.admin},
			c.settingIs(22, 1), noticeIs(5, c.owner, pb(nil).num(1, c.g).each(2, c.owner).num(3, 1)))
	}},
	{"disband", func(c *cast) {
		c.tells(func() *answer { return c.owner.disband(c.group) }, c.members,
			noticeIs(4, c.owner, pb(nil).num(1, c.g).each(2, c.owner)),
			signalIs(12, func(at uint64) pb { return pb(nil).num(1, c.g).num(2, at) }))
	}},
	{"name", func(c *cast) {
		name := func(name, public string) func() *answer {
			return func() *answer { return c.admin.ask("name", c.group, fields{"name": name, "publicName": public}) }
		}
		c.tells(name("新名字", ""), c.members, c.nameIs(c.admin, "新名字")...)
		c.tells(name("", "for all"), c.members, c.nameIs(c.admin, "新名字")...)
		c.tells(name("both", "both"), c.members, c.nameIs(c.admin, "both")...)
		c.tells(name("both", ""), c.members)
		c.tells(name("", ""), c.members)
	}},
	{"muteType", func(c *cast) {
		c.tells(func() *answer { return c.owner.muteAll(c.group, true) }, c.members,
			c.settingIs(22, 1), noticeIs(5, c.owner, pb(nil).num(1, c.g).each(2, c.owner).num(3, 1)))
		c.tells(func() *answer { return c.admin.muteAll(c.group, true) }, c.members)
		c.tells(func() *answer { return c.admin.muteAll(c.group, false) }, c.members,
			c.settingIs(22, 0), noticeIs(5, c.admin, pb(nil).num(1, c.g).each(2, c.admin)))
	}},
	{"mute and un-mute", func(c *cast) {
		const deadline = 4102444800000
		mute := func(until int64, users ...*client) func() *answer {
			return func() *answer { return c.admin.mute(c.group, until, users...) }
		}
		c.tells(mute(deadline, c.ben), c.members, c.muteIs(deadline, c.ben),
			noticeIs(6, c.admin, pb(nil).num(1, c.g).each(2, c.admin).each(3, c.ben)))
		// Only of whom it is news, and of nobody who cannot be muted.
		c.tells(mute(deadline, c.owner, c.carl, c.ben, c.admin, c.gone, c.eve), c.members, c.muteIs(deadline, c.carl),
			noticeIs(6, c.admin, pb(nil).num(1, c.g).each(2, c.admin).each(3, c.carl)))
		c.tells(mute(deadline, c.ben, c.carl), c.members)
		c.tells(mute(eventlog.Forever, c.carl, c.ben), c.members, c.muteIs(1<<63-1, c.carl, c.ben),
			noticeIs(6, c.admin, pb(nil).num(1, c.g).each(2, c.admin).each(3, c.carl, c.ben)))
		c.tells(mute(0, c.ben, c.carl), c.members, c.muteIs(0, c.ben, c.carl))
		c.tells(mute(0, c.ben, c.carl), c.members)
	}},
	{"member/type", func(c *cast) {
		set := func(role eventlog.Role, who *client) func() *answer {
			return func() *answer { return c.owner.setRole(c.group, role, who) }
		}
		c.tells(set(eventlog.Admin, c.ben), c.members, c.roleIs(c.ben, 1))
		c.tells(set(eventlog.Admin, c.ben), c.members)
		c.tells(set(eventlog.Member, c.ben), c.members, c.roleIs(c.ben, 0))
		c.owner.mute(c.group, eventlog.Forever, c.ben).want(c.t, fault.OK)
		c.tells(set(eventlog.Admin, c.ben), c.members, c.roleIs(c.ben, 1), c.muteIs(0, c.ben))
	}},
	{"change-owner", func(c *cast) {
		c.tells(func() *answer { return c.owner.giveTo(c.group, c.ben) }, c.members,
			c.roleIs(c.ben, 2), c.roleIs(c.owner, 0), noticeIs(7, c.owner, pb(nil).num(1, c.g).each(2, c.ben)))
		c.ben.mute(c.group, eventlog.Forever, c.carl).want(c.t, fault.OK)
		c.tells(func() *answer { return c.ben.giveTo(c.group, c.carl) }, c.members,
			c.roleIs(c.carl, 2), c.roleIs(c.ben, 0), c.muteIs(0, c.carl), noticeIs(7, c.ben, pb(nil).num(1, c.g).each(2, c.carl)))
	}},
	{"joinType, friendType, avatar", func(c *cast) {
		set := func(field string, value any) func() *answer {
			return func() *answer { return c.admin.ask(field, c.group, fields{field: value}) }
		}
		c.tells(set("joinType", 2), c.members, c.settingIs(20, 2))
		c.tells(set("joinType", 1), c.members, c.settingIs(20, 1))
		c.tells(set("joinType", 0), c.members, c.settingIs(20, 0))
		c.tells(set("joinType", 0), c.members)
		c.tells(set("friendType", 1), c.members, c.settingIs(21, 1))
		c.tells(set("friendType", 0), c.members, c.settingIs(21, 0))
		c.tells(set("friendType", 0), c.members)
		c.tells(set("avatar", "https://example.org/图.png"), c.members, c.textIs(26, "https://example.org/图.png"))
		c.tells(set("avatar", "https://example.org/图.png"), c.members)
		c.tells(set("avatar", ""), c.members, c.textIs(26, ""))
	}},
	{"what is nobody else's business", func(c *cast) {
		c.tells(func() *answer { return c.ben.ask("member/name", c.group, fields{"memberName": "Ben"}) }, c.members)
		c.tells(func() *answer {
			c.block(c.group)
			c.unblock(c.group)
			return c.ben.ask("group-info", c.group, nil)
		}, c.members)
	}},
}

// answerFirst is the admin's answer to the oldest application.
func (c *cast) answerFirst(accept bool) *answer {
	c.t.Helper()
	var open struct{ Applications []struct{ ID int64 } }
	c.admin.ask("application-list", c.group, nil).want(c.t, fault.OK).into(c.t, &open)
	if len(open.Applications) != 1 {
		c.t.Fatalf("%d applications are open, want one", len(open.Applications))
	}
	return c.admin.ask("answer-application", c.group, fields{"applicationId": open.Applications[0].ID, "accept": accept})
}
