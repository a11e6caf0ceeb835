package group

import (
	"context"

	"parley/pkg/fault"
	"parley/pkg/id"
)

// FirstMembers is how many members Info shows.
const FirstMembers = 10

// look returns a group as the caller sees it, if he may do a in it.
func (s *Service) look(ctx context.Context, caller id.UID, g id.GID, a Action) (View, error) {
	v, err := s.store.View(ctx, g, caller, s.now())
	if err != nil {
		return View{}, err
	}
	return v, May(&v.Group, v.Person, a)
}

// Info returns a group for a member, and its first 10 members.
func (s *Service) Info(ctx context.Context, caller id.UID, g id.GID) (View, []Member, error) {
	v, members, err := s.store.Info(ctx, g, caller, s.now())
	if err != nil {
		return View{}, nil, err
	}
	if err := May(&v.Group, v.Person, Read); err != nil {
		return View{}, nil, err
	}
	return v, members, nil
}

// PublicInfo returns what anyone may know of a group, of a disbanded one too: no
// key, and to outsiders no name.
func (s *Service) PublicInfo(ctx context.Context, caller id.UID, g id.GID) (View, error) {
	v, err := s.store.View(ctx, g, caller, s.now())
	if err != nil {
		return View{}, err
	}
	v.Key = ""
	if !v.Person.Present() {
		v.Name = ""
	}
	return v, nil
}

// List returns the groups that the caller is in, the newest first.
func (s *Service) List(ctx context.Context, caller id.UID) ([]View, error) {
	return s.store.Views(ctx, caller, s.now())
}

// Member returns a member of the caller's group.
func (s *Service) Member(ctx context.Context, caller id.UID, g id.GID, user id.UID) (Member, error) {
	if err := checkUser("memberId", user); err != nil {
		return Member{}, err
	}
	if _, err := s.look(ctx, caller, g, Read); err != nil {
		return Member{}, err
	}
	people, err := s.store.People(ctx, g, []id.UID{user})
	if err != nil {
		return Member{}, err
	}
	m := people.Of(user)
	if !m.Present() {
		return Member{}, fault.TargetNotMember
	}
	return m, nil
}

// Members returns all members of the caller's group; see Compare.
func (s *Service) Members(ctx context.Context, caller id.UID, g id.GID) ([]Member, error) {
	v, err := s.look(ctx, caller, g, Read)
	if err != nil {
		return nil, err
	}
	return s.store.Members(ctx, g, int(v.Maximum))
}

// MutedMembers returns the members whose mute has not ended, for admins and the
// owner.
func (s *Service) MutedMembers(ctx context.Context, caller id.UID, g id.GID) ([]Member, error) {
	if _, err := s.look(ctx, caller, g, ReadMuted); err != nil {
		return nil, err
	}
	return s.store.Muted(ctx, g, s.now())
}

// CheckMembers returns those of users who are not in the caller's group.
func (s *Service) CheckMembers(ctx context.Context, caller id.UID, g id.GID, users []id.UID) ([]id.UID, error) {
	if _, err := s.look(ctx, caller, g, Read); err != nil {
		return nil, err
	}
	people, err := s.store.People(ctx, g, users)
	if err != nil {
		return nil, err
	}
	return uids(people.absent(users)), nil
}

// MuteEnd is when the mute of m ends, or 0 when it has ended by now.
func (s *Service) MuteEnd(m Member) int64 { return m.MuteEnd(s.now()) }
