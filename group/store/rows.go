package store

import (
	"parley/group"
	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// memberChunk is how many members one statement inserts.
const memberChunk = 500

// groupRow is a row of chat_group.
type groupRow struct {
	ID         int64 `gorm:"primaryKey;autoIncrement:false"`
	MarkID     string
	Name       string
	PublicName string
	Avatar     string
	Introduce  string
	Secret     string
	Status     int8
	JoinType   int32
	MuteType   int32
	FriendType int32
	GroupType  int32
	Maximum    int32
	MemberNum  int32
	AdminNum   int32
	Seats      int64
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
}

func (groupRow) TableName() string { return "chat_group" }

func rowOfGroup(g *group.Group) *groupRow {
	return &groupRow{
		ID: int64(g.ID), MarkID: g.MarkID, Name: g.Name, PublicName: g.PublicName, Avatar: g.Avatar, Introduce: g.Introduce,
		Secret: g.Key, Status: int8(g.Status), JoinType: int32(g.JoinType), MuteType: int32(g.MuteType), FriendType: int32(g.FriendType),
		GroupType: g.Type, Maximum: g.Maximum, MemberNum: g.MemberNum, AdminNum: g.AdminNum, Seats: g.Seats, CreatedAt: g.CreatedAt,
	}
}

func (r *groupRow) group() *group.Group {
	return &group.Group{
		ID: id.GID(r.ID), MarkID: r.MarkID, Name: r.Name, PublicName: r.PublicName, Avatar: r.Avatar, Introduce: r.Introduce,
		Key: r.Secret, Status: eventlog.Status(r.Status), JoinType: group.JoinType(r.JoinType), MuteType: group.MuteType(r.MuteType),
		FriendType: group.FriendType(r.FriendType), Type: r.GroupType, Maximum: r.Maximum, MemberNum: r.MemberNum, AdminNum: r.AdminNum,
		Seats: r.Seats, CreatedAt: r.CreatedAt,
	}
}

// memberRow is a row of group_member.
type memberRow struct {
	GroupID    int64  `gorm:"primaryKey;autoIncrement:false"`
	User       string `gorm:"column:user_id;primaryKey"`
	Standing   int8
	Seat       int64
	Name       string
	MutedUntil int64
}

func (memberRow) TableName() string { return "group_member" }

// left is the standing of those who are not in the group. Those who are have a
// lower one, which puts the rows in the order of lists: owner, admins, members.
const left = 3

// standings are the roles in the order of lists.
var standings = [...]eventlog.Role{eventlog.Owner, eventlog.Admin, eventlog.Member, left: group.Left}

func standingOf(role eventlog.Role) int8 {
	switch role {
	case eventlog.Owner:
		return 0
	case eventlog.Admin:
		return 1
	case eventlog.Member:
		return 2
	}
	return left
}

func rowsOfMembers(g id.GID, members []group.Member) []memberRow {
	rows := make([]memberRow, len(members))
	for i, m := range members {
		rows[i] = memberRow{
			GroupID: int64(g), User: string(m.User), Standing: standingOf(m.Role), Seat: m.Seat, Name: m.Name, MutedUntil: m.MutedUntil,
		}
	}
	return rows
}

func (r *memberRow) member() group.Member {
	return group.Member{User: id.UID(r.User), Role: standings[r.Standing], Seat: r.Seat, Name: r.Name, MutedUntil: r.MutedUntil}
}
