package e2e

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	wirev1 "parley/api/proto/wire/v1"
	"parley/group"
	groupstore "parley/group/store"
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// person is a member of a group, as the routes show him.
type person struct {
	ID       id.UID        `json:"memberId"`
	Name     string        `json:"memberName"`
	Role     eventlog.Role `json:"memberType"`
	MuteTime int64         `json:"memberMuteTime"`
}

// circle is a group, as the routes show it.
type circle struct {
	ID         id.GID   `json:"id"`
	MarkID     string   `json:"markId"`
	Name       string   `json:"name"`
	PublicName string   `json:"publicName"`
	Avatar     string   `json:"avatar"`
	Owner      *person  `json:"owner"`
	Person     *person  `json:"person"`
	MemberNum  int32    `json:"memberNum"`
	Status     int32    `json:"status"`
	CreateTime int64    `json:"createTime"`
	JoinType   int32    `json:"joinType"`
	MuteType   int32    `json:"muteType"`
	FriendType int32    `json:"friendType"`
	MuteNum    int32    `json:"muteNum"`
	AdminNum   int32    `json:"adminNum"`
	Key        string   `json:"key"`
	Members    []person `json:"members"`
}

// group makes a group with an owner and members.
func (w *world) group(owner *client, members ...*client) id.GID {
	w.t.Helper()
	return owner.create("friends", members...).ID
}

// create makes a group that the client owns.
func (c *client) create(name string, members ...*client) circle {
	c.t.Helper()
	var made circle
	c.post("/group/app/create-group", map[string]any{"name": name, "memberIds": uids(members)}).want(c.t, fault.OK).into(c.t, &made)
	return made
}

// fields are what a request says beside the group.
type fields map[string]any

// ask sends a request to one of the routes that name a group.
func (c *client) ask(route string, g id.GID, more fields) *answer {
	c.t.Helper()
	body := map[string]any{"id": g}
	for name, value := range more {
		body[name] = value
	}
	return c.post("/group/app/"+route, body)
}

// The changes of a group by its people.

func (c *client) join(g id.GID) *answer    { c.t.Helper(); return c.ask("join-group", g, nil) }
func (c *client) exit(g id.GID) *answer    { c.t.Helper(); return c.ask("group-exit", g, nil) }
func (c *client) disband(g id.GID) *answer { c.t.Helper(); return c.ask("group-disband", g, nil) }

func (c *client) invite(g id.GID, people ...*client) *answer {
	c.t.Helper()
	return c.ask("invite-group-members", g, fields{"newMemberIds": uids(people)})
}

func (c *client) remove(g id.GID, people ...*client) *answer {
	c.t.Helper()
	return c.ask("group-remove", g, fields{"memberIds": uids(people)})
}

func (c *client) mute(g id.GID, muteTime int64, people ...*client) *answer {
	c.t.Helper()
	return c.ask("member/muteTime", g, fields{"memberIds": uids(people), "muteTime": muteTime})
}

// muteAll decides whether plain members may speak.
func (c *client) muteAll(g id.GID, on bool) *answer {
	c.t.Helper()
	return c.ask("muteType", g, fields{"muteType": map[bool]int{false: 0, true: 1}[on]})
}

func (c *client) setRole(g id.GID, role eventlog.Role, who *client) *answer {
	c.t.Helper()
	return c.ask("member/type", g, fields{"memberId": who.uid(), "memberType": role})
}

func (c *client) giveTo(g id.GID, heir *client) *answer {
	c.t.Helper()
	return c.ask("change-owner", g, fields{"memberId": heir.uid()})
}

// block stops a group, which only operators can.
func (w *world) block(g id.GID) {
	w.t.Helper()
	if err := w.operator().Block(w.t.Context(), g); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unblock(g id.GID) {
	w.t.Helper()
	if err := w.operator().Unblock(w.t.Context(), g); err != nil {
		w.t.Fatal(err)
	}
}

// operator is what an operator's command works with.
func (w *world) operator() *group.Service {
	return group.New(w.log, groupstore.New(w.db), group.DefaultConfig())
}

func uids(people []*client) []string {
	list := make([]string, len(people))
	for i, p := range people {
		list[i] = string(p.uid())
	}
	return list
}

// founding is what everybody reads first of a group that was made with members.
const founding = "SIGN_IN_GROUP notice:SIGN_IN_GROUP "

// String says what an event is: the text of a message, or the name of a signal
// or notice.
func (e event) String() string {
	switch {
	case e.signal != nil:
		return strings.TrimPrefix(e.signal.Type.String(), "SIGNAL_TYPE_")
	case e.message.MsgType == wirev1.MsgType_MSG_TYPE_NOTICE:
		var n wirev1.Notice
		if err := proto.Unmarshal(e.message.Msg, &n); err != nil {
			return fmt.Sprintf("a notice that does not parse: %x", e.message.Msg)
		}
		return "notice:" + strings.TrimPrefix(n.Type.String(), "NOTICE_TYPE_")
	}
	var m wirev1.Text
	if err := proto.Unmarshal(e.message.Msg, &m); err != nil {
		return fmt.Sprintf("%x", e.message.Msg)
	}
	return m.Content
}
