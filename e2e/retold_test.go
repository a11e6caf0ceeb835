package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// retold is a group as its events tell it to somebody who was in it from the
// beginning to the end. Telling it again checks that every change is there whole,
// with all its events in their order, and that every event tells something new.
type retold struct {
	t      testing.TB
	id     id.GID
	events []event
	at     int // how many were told

	people     []string // who is in, in the order of coming
	roles      map[string]eventlog.Role
	mutes      map[string]int64 // they outlive leaving
	name       string           // "" until it was changed
	avatar     string
	joinType   int32
	muteType   int32
	friendType int32
	over       bool
	// ever has every name and avatar that there ever was.
	ever map[string]bool
}

// retell tells a group from its events.
func retell(t testing.TB, g id.GID, events []event) *retold {
	t.Helper()
	r := &retold{
		t: t, id: g, events: events,
		roles: make(map[string]eventlog.Role), mutes: make(map[string]int64), ever: make(map[string]bool),
	}
	r.founding()
	for r.at < len(r.events) {
		r.change()
	}
	return r
}

// groupOf is the group of an event; 0 if it has none.
func groupOf(t testing.TB, e event) id.GID {
	t.Helper()
	if e.message != nil {
		if e.message.ChannelType != wirev1.ChannelType_CHANNEL_TYPE_GROUP {
			return 0
		}
		g, err := id.ParseGID(e.message.Target)
		if err != nil {
			t.Fatalf("an event is for the group %q", e.message.Target)
		}
		return g
	}
	if body, ok := bodyOf(t, e).(interface{ GetGroup() int64 }); ok {
		return id.GID(body.GetGroup())
	}
	return 0
}

// bodyOf is what a signal or a notice says, nil for a message.
func bodyOf(t testing.TB, e event) proto.Message {
	t.Helper()
	name, raw := "", []byte(nil)
	switch {
	case e.signal != nil:
		name, raw = "Signal"+camel(strings.TrimPrefix(e.signal.Type.String(), "SIGNAL_TYPE_")), e.signal.Body
	case e.message.MsgType == wirev1.MsgType_MSG_TYPE_NOTICE:
		var n wirev1.Notice
		mustDecode(t, e.message.Msg, &n)
		name, raw = "Notice"+camel(strings.TrimPrefix(n.Type.String(), "NOTICE_TYPE_")), n.Body
	default:
		return nil
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("wire.v1." + name))
	if err != nil {
		t.Fatalf("the event %s has no body that is known: %v", e, err)
	}
	body := kind.New().Interface()
	mustDecode(t, raw, body)
	return body
}

// camel turns SIGN_IN_GROUP into SignInGroup.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		words[i] = w[:1] + strings.ToLower(w[1:])
	}
	return strings.Join(words, "")
}

func (r *retold) wrong(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("group %s, event %d of %d: %s\nthe events are %v", r.id, r.at, len(r.events), fmt.Sprintf(format, args...), r.events)
}

// next is what the next event says; nil at the end.
func (r *retold) next() proto.Message {
	if r.at == len(r.events) {
		return nil
	}
	r.at++
	return bodyOf(r.t, r.events[r.at-1])
}

// follow wants the next event to be of a kind and to say what is wanted.
func follow[M proto.Message](r *retold, ok func(M) bool) {
	r.t.Helper()
	m, is := r.next().(M)
	if !is || !ok(m) {
		r.wrong("a change is not told whole: %v is wrong there, want a %T", m, m)
	}
}

// operator is who wrote the event before.
func (r *retold) operator() string { return r.events[r.at-1].message.GetFrom() }

func (r *retold) founding() {
	first, ok := r.next().(*wirev1.SignalSignInGroup)
	if !ok {
		r.wrong("a group begins without its people")
		return
	}
	for i, u := range first.Uid {
		r.people = append(r.people, u)
		r.roles[u] = eventlog.Member
		if i == 0 {
			r.roles[u] = eventlog.Owner
		}
	}
	if len(first.Uid) > 1 {
		follow(r, func(n *wirev1.NoticeSignInGroup) bool {
			return slices.Equal(n.Members, first.Uid[1:]) && n.Inviter == first.Uid[0] && r.operator() == n.Inviter
		})
	}
}

// change tells one change.
func (r *retold) change() {
	if r.over {
		r.wrong("something happens in a group that was disbanded")
	}
	switch m := r.next().(type) {
	case *wirev1.SignalSignInGroup:
		for _, u := range m.Uid {
			r.must(!r.in(u), "%s comes, who is in", u)
			r.people, r.roles[u] = append(r.people, u), eventlog.Member
		}
		follow(r, func(n *wirev1.NoticeSignInGroup) bool { return slices.Equal(n.Members, m.Uid) })
	case *wirev1.NoticeSignOutGroup:
		r.leave(m.Operator)
	case *wirev1.NoticeKickOutGroup:
		r.leave(m.Members...)
	case *wirev1.NoticeDeleteGroup:
		follow(r, func(*wirev1.SignalDeleteGroup) bool { return true })
		r.people, r.over = nil, true
	case *wirev1.SignalUpdateGroupName:
		r.must(m.Name != r.name, "the name stays what it is")
		r.name, r.ever[m.Name] = m.Name, true
		follow(r, func(n *wirev1.NoticeUpdateGroupName) bool { return n.Name == m.Name })
	case *wirev1.SignalUpdateGroupAvatar:
		r.must(m.Avatar != r.avatar, "the avatar stays what it is")
		r.avatar, r.ever[m.Avatar] = m.Avatar, true
	case *wirev1.SignalUpdateGroupMuteType:
		r.set(&r.muteType, m.Type)
		follow(r, func(n *wirev1.NoticeUpdateGroupMuted) bool { return n.Type == m.Type })
	case *wirev1.SignalUpdateGroupJoinType:
		r.set(&r.joinType, m.Type)
	case *wirev1.SignalUpdateGroupFriendType:
		r.set(&r.friendType, m.Type)
	case *wirev1.SignalUpdateGroupMemberMuteTime:
		for _, u := range m.Uid {
			r.must(r.in(u) && r.roles[u] == eventlog.Member && r.mutes[u] != m.MuteTime, "the mute of %s stays %d", u, m.MuteTime)
			r.mutes[u] = m.MuteTime
		}
		if m.MuteTime != 0 {
			follow(r, func(n *wirev1.NoticeUpdateGroupMemberMuted) bool { return slices.Equal(n.Members, m.Uid) })
		}
	case *wirev1.SignalUpdateGroupMemberType:
		r.role(m.Uid, eventlog.Role(m.Type))
	default:
		r.wrong("%T does not begin a change", m)
	}
}

func (r *retold) must(ok bool, format string, args ...any) {
	r.t.Helper()
	if !ok {
		r.wrong(format, args...)
	}
}

func (r *retold) in(u string) bool { return slices.Contains(r.people, u) }

func (r *retold) set(field *int32, value int32) {
	r.must(*field != value, "a setting stays %d", value)
	*field = value
}

// leave tells that people went.
func (r *retold) leave(people ...string) {
	for _, u := range people {
		r.must(r.in(u), "%s goes, who is not in", u)
		r.people = slices.DeleteFunc(r.people, func(other string) bool { return other == u })
	}
	follow(r, func(s *wirev1.SignalSignOutGroup) bool { return slices.Equal(s.Uid, people) })
}

// role tells that somebody got a role, and what goes with it.
func (r *retold) role(u string, role eventlog.Role) {
	r.must(r.in(u) && r.roles[u] != role, "%s has the role %d already, or is not in", u, role)
	r.roles[u] = role
	if role == eventlog.Owner {
		follow(r, func(old *wirev1.SignalUpdateGroupMemberType) bool {
			ok := r.roles[old.Uid] == eventlog.Owner && old.Uid != u && old.Type == int32(eventlog.Member)
			r.roles[old.Uid] = eventlog.Member
			return ok
		})
	}
	if role > eventlog.Member && r.mutes[u] != 0 {
		follow(r, func(m *wirev1.SignalUpdateGroupMemberMuteTime) bool {
			return m.MuteTime == 0 && slices.Equal(m.Uid, []string{u})
		})
		r.mutes[u] = 0
	}
	if role == eventlog.Owner {
		follow(r, func(n *wirev1.NoticeUpdateGroupOwner) bool { return n.NewOwner == u })
	}
}

// members are the people of the group in the order of lists.
func (r *retold) members() []person {
	var list []person
	for _, u := range r.people {
		list = append(list, person{ID: id.UID(u), Role: r.roles[u], MuteTime: r.mutes[u]})
	}
	slices.SortStableFunc(list, func(a, b person) int { return cmp.Compare(b.Role, a.Role) })
	return list
}

// agrees compares the group with what the routes say of it.
func (r *retold) agrees(shown circle, members []person) {
	r.t.Helper()
	want := r.members()
	if !slices.Equal(members, want) {
		r.wrong("its people are\n%+v, the events tell of\n%+v", members, want)
	}
	count := func(is func(person) bool) (n int32) {
		for _, p := range want {
			if is(p) {
				n++
			}
		}
		return n
	}
	if r.name == "" {
		r.name = shown.Name // nobody changed it
	}
	got := circle{
		ID: shown.ID, Name: shown.Name, Avatar: shown.Avatar, JoinType: shown.JoinType, MuteType: shown.MuteType, FriendType: shown.FriendType,
		MemberNum: shown.MemberNum, AdminNum: shown.AdminNum, MuteNum: shown.MuteNum, Status: shown.Status,
	}
	told := circle{
		ID: r.id, Name: r.name, Avatar: r.avatar, JoinType: r.joinType, MuteType: r.muteType, FriendType: r.friendType,
		MemberNum: int32(len(want)),
		AdminNum:  count(func(p person) bool { return p.Role == eventlog.Admin }),
		MuteNum:   count(func(p person) bool { return p.MuteTime != 0 }),
	}
	if fmt.Sprint(got) != fmt.Sprint(told) {
		r.wrong("it is\n%+v, the events tell of\n%+v", got, told)
	}
	if shown.Owner == nil || len(want) == 0 || *shown.Owner != want[0] {
		r.wrong("its owner is %+v, the events tell of %+v", shown.Owner, want)
	}
}
