package group_test

import (
	"context"
	"fmt"
	"strings"

	"parley/group"
	"parley/group/grouptest"
)

// asks are the verbs as the service has them. What they return is put into the
// words of the model.
var asks = map[string]func(*run, *grouptest.World, *group.Service, *done) (string, error){
	"create": func(r *run, w *grouptest.World, s *group.Service, d *done) (string, error) {
		v, members, err := s.Create(background, d.by, group.Draft{Name: d.text, Avatar: "avatar of " + d.text, Introduce: "about " + d.text, Users: d.users})
		if err != nil {
			return "", err
		}
		r.meet(d.slot, &v)
		return fmt.Sprint(r.picture(v), "; ", r.list(w, members)), nil
	},
	"info": func(r *run, w *grouptest.World, s *group.Service, d *done) (string, error) {
		v, members, err := s.Info(background, d.by, d.gid)
		return fmt.Sprint(r.picture(v), "; ", r.list(w, members)), err
	},
	"public-info": func(r *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		v, err := s.PublicInfo(background, d.by, d.gid)
		return r.picture(v).String(), err
	},
	"show": func(r *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		v, err := s.Show(background, d.gid)
		return r.picture(v).String(), err
	},
	"list": func(r *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		views, err := s.List(background, d.by)
		var mine []picture
		for _, v := range views {
			mine = append(mine, r.picture(v))
		}
		return fmt.Sprint(mine), err
	},
	"member": func(r *run, w *grouptest.World, s *group.Service, d *done) (string, error) {
		m, err := s.Member(background, d.by, d.gid, d.users[0])
		return r.list(w, []group.Member{m}), err
	},
	"members": func(r *run, w *grouptest.World, s *group.Service, d *done) (string, error) {
		members, err := s.Members(background, d.by, d.gid)
		return r.list(w, members), err
	},
	"muted": func(r *run, w *grouptest.World, s *group.Service, d *done) (string, error) {
		members, err := s.MutedMembers(background, d.by, d.gid)
		return r.list(w, members), err
	},
	"absent": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		users, err := s.CheckMembers(background, d.by, d.gid, unique(d.users))
		return names(users), err
	},
	"invite": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return count(s.Invite(background, d.by, d.gid, d.users))
	},
	"join": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.Join(background, d.by, d.gid, append(d.users, "")[0])
	},
	"exit": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.Leave(background, d.by, d.gid)
	},
	"remove": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		gone, left, err := s.Remove(background, d.by, d.gid, d.users)
		return fmt.Sprintf("%d members without %s", left, names(gone)), err
	},
	"disband": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.Disband(background, d.by, d.gid)
	},
	"change-owner": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.ChangeOwner(background, d.by, d.gid, d.users[0])
	},
	"role": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		role, err := group.ParseRole(int32(d.n))
		if err != nil {
			return "", err
		}
		return "", s.SetRole(background, d.by, d.gid, d.users[0], role)
	},
	"my-name": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.SetMemberName(background, d.by, d.gid, d.text)
	},
	"mute": func(r *run, w *grouptest.World, s *group.Service, d *done) (string, error) {
		members, err := s.Mute(background, d.by, d.gid, d.users, d.n)
		return r.list(w, members), err
	},
	"avatar": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.SetAvatar(background, d.by, d.gid, d.text)
	},
	"friend-type": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.SetFriendType(background, d.by, d.gid, group.FriendType(d.n))
	},
	"join-type": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.SetJoinType(background, d.by, d.gid, group.JoinType(d.n))
	},
	"mute-type": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.SetMuteType(background, d.by, d.gid, group.MuteType(d.n))
	},
	"name": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		name, public, _ := strings.Cut(d.text, "|")
		return "", s.SetName(background, d.by, d.gid, name, public)
	},
	"applications": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		list, err := s.Applications(background, d.by, d.gid, 0, 100)
		return describeAll(list), err
	},
	"accept": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return count(s.AnswerApplication(background, d.by, d.gid, d.applicationID, true))
	},
	"reject": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return count(s.AnswerApplication(background, d.by, d.gid, d.applicationID, false))
	},
	"block": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.Block(background, d.gid)
	},
	"unblock": func(_ *run, _ *grouptest.World, s *group.Service, d *done) (string, error) {
		return "", s.Unblock(background, d.gid)
	},
	"send": func(r *run, w *grouptest.World, _ *group.Service, d *done) (string, error) {
		p, err := w.TrySend(d.by, d.gid, d.text)
		if err != nil {
			return "", err
		}
		d.sent = p
		return r.receipt(d), nil
	},
	"wait": func(r *run, w *grouptest.World, _ *group.Service, d *done) (string, error) {
		w.Clock.Advance(milliseconds(d.n))
		return "", nil
	},
}

var background = context.Background()

func count(n int32, err error) (string, error) { return fmt.Sprint(n, " members"), err }

// meet remembers a new group.
func (r *run) meet(slot int, v *group.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gids[slot], r.slots[v.ID], r.keys[v.ID] = v.ID, slot, v.MarkID+v.Key
}

// receipt says when a repeat was answered otherwise than the first.
func (r *run) receipt(d *done) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := string(d.by) + " " + d.text
	if first, known := r.first[key]; known && first != d.sent {
		return fmt.Sprintf("the first is at %d, the repeat at %d", first, d.sent)
	}
	r.first[key] = d.sent
	return ""
}

// picture puts what the service shows of a group into the form of the model.
func (r *run) picture(v group.View) picture {
	if v.ID == 0 {
		return picture{} // it was refused
	}
	r.mu.Lock()
	slot, known := r.slots[v.ID]
	key := r.keys[v.ID]
	r.mu.Unlock()
	if !known {
		slot = -1
	}
	p := picture{
		Slot: slot, Name: v.Name, Public: v.PublicName, Avatar: v.Avatar, Introduce: v.Introduce,
		Status: int(v.Status), Join: int(v.JoinType), Mute: int(v.MuteType), Friend: int(v.FriendType), Type: int(v.Type),
		Maximum: int(v.Maximum), Members: int(v.MemberNum), Admins: int(v.AdminNum), Muted: int(v.MuteNum), Created: v.CreatedAt,
	}
	w := r.worlds[0]
	if v.Owner.User != "" {
		p.Owner = r.list(w, []group.Member{v.Owner})
	}
	if v.Person.Present() {
		p.Person = r.list(w, []group.Member{v.Person})
	}
	switch {
	case v.MarkID+v.Key == key && len(v.MarkID) == 8 && len(v.Key) == 32:
		p.Key = "the key"
	case v.Key != "":
		p.Key = "another key: " + v.Key
	}
	return p
}

// list puts members into words.
func (r *run) list(w *grouptest.World, members []group.Member) string {
	lines := make([]string, len(members))
	for i, m := range members {
		lines[i] = describe(m.User, int(m.Role), m.Name, m.MuteEnd(w.Clock.Milli()))
	}
	return strings.Join(lines, "; ")
}

func describeAll(list []group.Application) string {
	lines := make([]string, len(list))
	for i, a := range list {
		lines[i] = describeApplication(a.User, a.Inviter, a.CreatedAt)
	}
	return strings.Join(lines, "; ")
}
