// Package group has the rules of groups: who may come, stay, speak and decide.
// It knows neither the API nor the database. Every change is one transaction of
// the event log (pkg/eventlog), together with the notices and signals that tell
// of it, so that no member ever learns of a change that did not happen or misses
// one that did.
package group

import (
	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Group is a group without its members.
type Group struct {
	ID id.GID
	// MarkID is a second name, 8 random digits, for people to type.
	MarkID     string
	Name       string // as members see it, as a rule encrypted
	PublicName string
	Avatar     string
	Introduce  string
	// Key is a secret of the members: 32 hex characters.
	Key        string
	Status     eventlog.Status
	JoinType   JoinType
	MuteType   MuteType
	FriendType FriendType
	Type       int32 // 0 normal, 1 company, 2 department
	Maximum    int32 // of members, the owner counted
	MemberNum  int32 // the owner counted
	AdminNum   int32 // the owner not counted
	// Seats is how many seats were ever given; see Member.Seat.
	Seats     int64
	CreatedAt int64 // Unix milliseconds
}

// JoinType is how people come into a group. Its values are the public ones.
type JoinType int32

// The ways into a group.
const (
	// JoinFreely lets anyone join and any member invite.
	JoinFreely JoinType = 0
	// JoinByAdmins lets only admins and the owner bring people in.
	JoinByAdmins JoinType = 1
	// JoinByConsent makes an application of joining and of a plain member's
	// invitation, which an admin or the owner answers.
	JoinByConsent JoinType = 2
)

// MuteType is who may speak in a group. Its values are the public ones.
type MuteType int32

// Who may speak.
const (
	AllSpeak    MuteType = 0
	AdminsSpeak MuteType = 1 // and the owner
)

// FriendType is whether members may become friends through the group; clients
// hold themselves to it. Its values are the public ones.
type FriendType int32

// What a group says about friends.
const (
	FriendsAllowed   FriendType = 0
	FriendsForbidden FriendType = 1
)

// alive decides whether anything can be done in the group.
func (g *Group) alive() error {
	switch g.Status {
	case eventlog.Blocked:
		return fault.GroupBlocked
	case eventlog.Disbanded:
		return fault.GroupDisbanded
	}
	return nil
}

// room decides whether n people more may come.
func (g *Group) room(n int) error {
	if int64(g.MemberNum)+int64(n) > int64(g.Maximum) {
		return fault.GroupFull
	}
	return nil
}

// View is a group as one caller sees it.
type View struct {
	Group
	// Owner is the zero Member when the group was disbanded.
	Owner Member
	// Person is the caller; he is not Present when he is an outsider.
	Person Member
	// MuteNum counts the members whose mute has not ended.
	MuteNum int32
}
