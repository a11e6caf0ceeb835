package record

import (
	"errors"
	"testing"
	"time"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// The members of the tables below.
var (
	alive     = eventlog.GroupState{Exists: true}
	blocked   = eventlog.GroupState{Exists: true, Status: eventlog.Blocked}
	disbanded = eventlog.GroupState{Exists: true, Status: eventlog.Disbanded}

	gone   = eventlog.Membership{}
	member = eventlog.Membership{Present: true}
	admin  = eventlog.Membership{Present: true, Role: eventlog.Admin}
	owner  = eventlog.Membership{Present: true, Role: eventlog.Owner}
)

// sentAt is when every message of the tables was sent.
var sentAt = time.UnixMilli(1_700_000_000_000)

func privately(kind eventlog.Kind) subject {
	return subject{event: eventlog.Event{Pos: 1, Author: alice, Audience: eventlog.ToPair(bob, alice), Kind: kind, At: sentAt.UnixMilli()}}
}

func inGroup(kind eventlog.Kind, g eventlog.GroupState, caller, author eventlog.Membership) subject {
	return subject{
		event:  eventlog.Event{Pos: 1, Author: alice, Audience: eventlog.ToGroup(7), Kind: kind, At: sentAt.UnixMilli()},
		group:  g,
		caller: caller,
		author: author,
	}
}

func TestMayRevoke(t *testing.T) {
	t.Parallel()
	const message, tombstone = eventlog.Message, eventlog.Tombstone
	const late = 10*365*24*time.Hour + time.Millisecond
	for _, c := range []struct {
		name    string
		who     id.UID
		subject subject
		after   time.Duration
		want    error
	}{
		{"private: the author", alice, privately(message), 0, nil},
		{"private: the author, again", alice, privately(tombstone), 0, nil},
		{"private: the receiver", bob, privately(message), 0, fault.Forbidden},
		{"private: the receiver, of what is gone", bob, privately(tombstone), 0, fault.Forbidden},
		{"private: a stranger", zoe, privately(message), 0, fault.Forbidden},
		{"private: a stranger, of what is gone", zoe, privately(tombstone), 0, fault.Forbidden},
		{"private: the author at the last moment", alice, privately(message), late - time.Millisecond, nil},
		{"private: the author too late", alice, privately(message), late, fault.Forbidden},

		{"group: the author", alice, inGroup(message, alive, member, member), 0, nil},
		{"group: the author, again", alice, inGroup(tombstone, alive, member, member), 0, nil},
		{"group: the author who left", alice, inGroup(message, alive, gone, gone), 0, fault.Forbidden},
		{"group: the author too late", alice, inGroup(message, alive, member, member), late, fault.Forbidden},
		{"group: the owner, too late, of his own", alice, inGroup(message, alive, owner, owner), late, fault.Forbidden},
		{"group: an admin, of a member", bob, inGroup(message, alive, admin, member), 0, nil},
		{"group: an admin, of a member, again", bob, inGroup(tombstone, alive, admin, member), 0, nil},
		{"group: an admin, of a member, much later", bob, inGroup(message, alive, admin, member), 9 * late, nil},
		{"group: the owner, of a member", bob, inGroup(message, alive, owner, member), 0, nil},
		{"group: the owner, of an admin", bob, inGroup(message, alive, owner, admin), 0, nil},
		{"group: an admin, of an admin", bob, inGroup(message, alive, admin, admin), 0, fault.Forbidden},
		{"group: an admin, of the owner", bob, inGroup(message, alive, admin, owner), 0, fault.Forbidden},
		{"group: a member, of a member", bob, inGroup(message, alive, member, member), 0, fault.Forbidden},
		{"group: a member, of what is gone", bob, inGroup(tombstone, alive, member, member), 0, fault.Forbidden},
		{"group: an admin, of somebody who left", bob, inGroup(message, alive, admin, gone), 0, nil},
		{"group: a member, of somebody who left", bob, inGroup(message, alive, member, gone), 0, fault.Forbidden},
		{"group: a stranger", zoe, inGroup(message, alive, gone, member), 0, fault.Forbidden},
		{"group: a stranger, of what is gone", zoe, inGroup(tombstone, alive, gone, member), 0, fault.Forbidden},
		{"blocked group: the author", alice, inGroup(message, blocked, member, member), 0, fault.GroupBlocked},
		{"blocked group: the owner", bob, inGroup(message, blocked, owner, member), 0, fault.GroupBlocked},
		{"disbanded group: the author", alice, inGroup(message, disbanded, member, member), 0, fault.GroupDisbanded},
		{"disbanded group: the author, again", alice, inGroup(tombstone, disbanded, member, member), 0, fault.GroupDisbanded},
		{"disbanded group: the owner", bob, inGroup(message, disbanded, owner, member), 0, fault.GroupDisbanded},

		{"a notice, its operator", alice, inGroup(eventlog.Notice, alive, owner, owner), 0, fault.Forbidden},
		{"a notice, the owner", bob, inGroup(eventlog.Notice, alive, owner, member), 0, fault.Forbidden},
		{"a signal, whom it names", alice, privately(eventlog.Signal), 0, fault.NotFound},
		{"a signal of a group", alice, inGroup(eventlog.Signal, alive, member, member), 0, fault.NotFound},
	} {
		err := mayRevoke(c.who, &c.subject, sentAt.Add(c.after), DefaultConfig().RevokeExpire)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestMayFocus(t *testing.T) {
	t.Parallel()
	const message, tombstone = eventlog.Message, eventlog.Tombstone
	toMyself := privately(message)
	toMyself.event.Audience = eventlog.ToPair(alice, alice)
	for _, c := range []struct {
		name    string
		who     id.UID
		subject subject
		want    error
	}{
		{"private: the receiver", bob, privately(message), nil},
		{"private: the receiver, of what is gone", bob, privately(tombstone), fault.NotFound},
		{"private: the author", alice, privately(message), fault.Forbidden},
		{"private: the author, of what is gone", alice, privately(tombstone), fault.Forbidden},
		{"private: a stranger", zoe, privately(message), fault.Forbidden},
		{"private: a stranger, of what is gone", zoe, privately(tombstone), fault.Forbidden},
		{"private: to himself", alice, toMyself, nil},

		{"group: a member", bob, inGroup(message, alive, member, member), nil},
		{"group: the owner", bob, inGroup(message, alive, owner, member), nil},
		{"group: a member, of somebody who left", bob, inGroup(message, alive, member, gone), nil},
		{"group: a member, of what is gone", bob, inGroup(tombstone, alive, member, member), fault.NotFound},
		{"group: the author", alice, inGroup(message, alive, member, member), fault.Forbidden},
		{"group: the author who left", alice, inGroup(message, alive, gone, gone), fault.Forbidden},
		{"group: a stranger", zoe, inGroup(message, alive, gone, member), fault.Forbidden},
		{"blocked group: a member", bob, inGroup(message, blocked, member, member), fault.GroupBlocked},
		{"disbanded group: a member", bob, inGroup(message, disbanded, member, member), fault.GroupDisbanded},

		{"a notice", bob, inGroup(eventlog.Notice, alive, member, member), fault.Forbidden},
		{"a signal", bob, privately(eventlog.Signal), fault.NotFound},
	} {
		if err := mayFocus(c.who, &c.subject); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
