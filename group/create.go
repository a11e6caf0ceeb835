package group

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"

	"parley/pkg/eventlog"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Draft is what somebody says of a group that he makes.
type Draft struct {
	Name      string // also the first public name
	Avatar    string
	Introduce string
	// Users come into the group at once. The caller and repeats are left out.
	Users []id.UID
}

// Create makes a group that the caller owns. It returns the group and its
// members: the owner, then as asked. Nothing in it tells a repeat from a second
// group.
func (s *Service) Create(ctx context.Context, caller id.UID, d Draft) (View, []Member, error) {
	users, err := d.check(caller)
	if err != nil {
		return View{}, nil, err
	}
	if len(users)+1 > int(s.cfg.MaxMembers) {
		return View{}, nil, fault.GroupFull
	}
	members := []Member{{User: caller, Role: eventlog.Owner, Seat: 1}}
	for i, u := range users {
		members = append(members, Member{User: u, Role: eventlog.Member, Seat: int64(i) + 2})
	}
	newcomers := make([]eventlog.Newcomer, len(members))
	for i, m := range members {
		newcomers[i] = newcomer(m)
	}

	var group *Group
	now, ids := s.now(), &names{fresh: s.names}
	err = s.log.Change(ctx, func(tx *eventlog.Tx) error {
		if group, err = s.insert(tx, Group{
			Name: d.Name, PublicName: d.Name, Avatar: d.Avatar, Introduce: d.Introduce,
			Maximum: s.cfg.MaxMembers, MemberNum: int32(len(members)), Seats: int64(len(members)), CreatedAt: now,
		}, members); err != nil {
			return err
		}
		if err := tx.OpenGroup(group.ID, newcomers...); err != nil {
			return err
		}
		c := &change{service: s, tx: tx, names: ids, now: now, before: *group, group: group, caller: members[0]}
		c.tellSignIn(uids(members))
		if len(users) > 0 {
			c.noticeSignIn(caller, users)
		}
		return c.store()
	})
	if err != nil {
		return View{}, nil, err
	}
	return View{Group: *group, Owner: members[0], Person: members[0]}, members, nil
}

// check checks the form of a draft and returns who is to come beside the
// caller.
func (d *Draft) check(caller id.UID) ([]id.UID, error) {
	if err := errors.Join(
		checkText("name", d.Name, maxName),
		checkText("avatar", d.Avatar, maxAvatar),
		checkText("introduce", d.Introduce, maxIntroduce),
	); err != nil {
		return nil, err
	}
	users, err := checkUsers("memberIds", d.Users)
	if err != nil {
		return nil, err
	}
	others := users[:0]
	for _, u := range users {
		if u != caller {
			others = append(others, u)
		}
	}
	return others, nil
}

// insertTries bounds how often names are drawn for a new group. Of the 90
// million MarkIDs a million may be taken: then one draw in ninety is in vain.
const insertTries = 20

// insert stores a new group under names that no other group has.
func (s *Service) insert(tx *eventlog.Tx, g Group, members []Member) (*Group, error) {
	for range insertTries {
		g.ID = id.GID(random(1<<32, 1<<53))
		g.MarkID = fmt.Sprint(random(10_000_000, 100_000_000))
		g.Key = newKey()
		done, err := s.store.Insert(tx, &g, members)
		if err != nil {
			return nil, fmt.Errorf("store a new group: %w", err)
		}
		if done {
			return &g, nil
		}
	}
	return nil, fmt.Errorf("no name for a new group was free in %d tries", insertTries)
}

// random returns a number from low to below high. Ids are not secrets, but who
// could guess them would learn how many groups there are.
func random(low, high int64) int64 {
	n, err := rand.Int(rand.Reader, big.NewInt(high-low))
	if err != nil {
		panic(err) // the system's source of random numbers does not fail
	}
	return low + n.Int64()
}

// newKey makes the secret of a group.
func newKey() string {
	key := make([]byte, 16)
	rand.Read(key) // never fails
	return hex.EncodeToString(key)
}
